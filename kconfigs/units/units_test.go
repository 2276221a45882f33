package units

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"1K": 1 << 10, "500M": 500 << 20, "10G": 10 << 30, "2GiB": 2 << 30, "2GB": 2 << 30, "1.5T": 3 << 39,
	} {
		var got int64
		err := ParseBytes(&got, text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "5", "0G", "0.0001K", "-1G", "5g", "G", "1e3G", "99999999999T", "5 G", "5GG"} {
		var got int64
		err := ParseBytes(&got, text)
		assert.Error(t, err, text)
		assert.Zero(t, got)
	}
}

func TestParseAge(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 720 * time.Hour, "2w": 336 * time.Hour, "12h": 12 * time.Hour, "1h30m": 90 * time.Minute, "36499d": 36499 * 24 * time.Hour,
	} {
		var got time.Duration
		err := ParseAge(&got, text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "30", "0d", "-1d", "+1d", "1.5d", "d", "0h", "-2h", "99999999999999999999d", "36501d", "65535w", "18446744073709551615w",
	} {
		var got time.Duration
		err := ParseAge(&got, text)
		assert.Error(t, err, text)
		assert.Zero(t, got)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0.0 KiB", 4096: "4.0 KiB", 1<<20 - 1: "1024.0 KiB", 1 << 20: "1.0 MiB", 3 << 29: "1.5 GiB", 5 << 50: "5120.0 TiB",
	} {
		assert.Equal(t, want, Bytes(n))
	}
}

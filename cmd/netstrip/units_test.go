package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1K": 1 << 10, "500M": 500 << 20, "10G": 10 << 30, "2GiB": 2 << 30, "2GB": 2 << 30, "1.5T": 3 << 39,
	} {
		var got sizeFlag
		assert.NoError(t, got.Set(text), text)
		assert.EqualValues(t, want, got, text)
	}
	for _, text := range []string{"", "5", "0G", "0.0001K", "-1G", "5g", "G", "1e3G", "99999999999T", "5 G", "5GG"} {
		var got sizeFlag
		assert.Error(t, got.Set(text), text)
		assert.Zero(t, got)
	}
}

func TestAges(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 720 * time.Hour, "2w": 336 * time.Hour, "12h": 12 * time.Hour, "1h30m": 90 * time.Minute,
	} {
		var got ageFlag
		assert.NoError(t, got.Set(text), text)
		assert.EqualValues(t, want, got, text)
	}
	for _, text := range []string{"", "30", "0d", "-1d", "1.5d", "d", "0h", "-2h", "99999999999999999999d", "36501d"} {
		var got ageFlag
		assert.Error(t, got.Set(text), text)
		assert.Zero(t, got)
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0.0 KiB", 4096: "4.0 KiB", 1<<20 - 1: "1024.0 KiB", 1 << 20: "1.0 MiB", 3 << 29: "1.5 GiB", 5 << 50: "5120.0 TiB",
	} {
		assert.Equal(t, want, bytesText(n))
	}
}

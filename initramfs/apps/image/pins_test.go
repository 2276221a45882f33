package image

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPins(t *testing.T) {
	p, err := parsePins(pinsFile)
	require.NoError(t, err)
	assert.Contains(t, p.Sources, "deb http://deb.debian.org/debian "+p.Release+" main")
	assert.Regexp(t, `^20\d\d-\d\d-\d\d$`, p.NPM)
	assert.Regexp(t, `^\d{10}$`, p.Epoch)
	for text, want := range map[string]string{
		"":            "parsing what the disk is made of: EOF",
		"mirror: x\n": "field mirror not found",
	} {
		_, err := parsePins([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

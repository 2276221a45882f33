package source

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

func TestPinnedReleasesCanBeAskedFor(t *testing.T) {
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	pinned, err := parsePinned(pinnedFile)
	require.NoError(t, err)
	require.Contains(t, pinned, UsualSeries)
	for series, pin := range pinned {
		s, err := Open(t.Context(), Options{URL: pin.URL, SHA256: pin.SHA256, Cache: c})
		require.NoError(t, err, series)
		assert.Equal(t, pin.SHA256, s.ID)
		assert.Contains(t, pin.URL, "https://cdn.kernel.org/pub/linux/kernel/v6.x/linux-"+series+".")
	}
}

func TestPinnedFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "parsing the pinned releases: EOF",
		"'6.1': {sha512: x}":                 "field sha512 not found",
		"'6.1': {url: [x]}":                  "cannot unmarshal",
		"'6.1': {url: x}\n'6.1': {url: y}\n": `key "6.1" already defined`,
	} {
		_, err := parsePinned([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

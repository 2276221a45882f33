package kbuild

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

func TestPinnedReleasesCanBeAskedFor(t *testing.T) {
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	require.Contains(t, pinned(), UsualSeries)
	for series, pin := range pinned() {
		s, err := OpenSource(t.Context(), SourceOptions{URL: pin.url, SHA256: pin.sha256, Cache: c})
		require.NoError(t, err, series)
		assert.Equal(t, pin.sha256, s.ID)
		assert.Contains(t, pin.url, "https://cdn.kernel.org/pub/linux/kernel/v6.x/linux-"+series+".")
	}
}

package apps

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestID(t *testing.T) {
	all, err := Load(t.Context(), "")
	require.NoError(t, err)
	for _, a := range Wire(all) {
		id, ok := ParseID(a.ID)
		require.True(t, ok, a.ID)
		assert.Equal(t, a.ID, id.String())
		assert.Contains(t, ways(), id.Way)
	}
	for _, not := range []string{"", "app", "app/redis", "app/redis/unix/x", "socket/unix/stream", "apps/redis/unix"} {
		_, ok := ParseID(not)
		assert.False(t, ok, not)
	}
}

func TestAsked(t *testing.T) {
	for probes, want := range map[string]bool{"": false, "app/redis/*": true, "lo/up,app/redis/unix": true, "lo/app/x": false, "application/x": false} {
		assert.Equal(t, want, Asked(probes), probes)
	}
}

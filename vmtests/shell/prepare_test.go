package shell

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/results"
	"github.com/netstrip/netstrip/vmtests/run"
)

// The last failed boot is the newest that says something about its kernel.
func TestFailedBoot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	o := Options{Results: results.Results{Path: path, Damaged: func([]record.Damage) {}}}
	_, err := o.failed()
	require.Error(t, err)
	store := record.Store{Path: path}
	add := func(id string, minute int, outcome record.Outcome) {
		r := record.Record{Schema: record.Schema, ID: "r/" + id, Run: "r", Profile: id, Outcome: outcome, Time: time.Unix(int64(minute)*60, 0)}
		require.NoError(t, store.Append(t.Context(), r))
	}
	add("fine", 1, record.Completed)
	_, err = o.failed()
	assert.ErrorContains(t, err, "no boot in "+path+" has failed")
	assert.ErrorAs(t, err, &usage.Error{})
	add("hung", 3, record.Hung)
	add("panicked", 2, record.Panicked)
	add("killed", 4, record.QEMUFailed)
	add("fine again", 5, record.Completed)
	last, err := o.failed()
	require.NoError(t, err)
	assert.Equal(t, "r/hung", last.ID)
}

func TestWay(t *testing.T) {
	o := Options{Run: run.Options{Apps: []wire.App{{ID: "app/redis/loopback"}, {ID: "app/redis/unix"}, {ID: "app/nginx/unix"}}}}
	for _, tc := range []struct{ name, way, want string }{
		{"", "", ""}, {"redis", "", "app/redis/loopback"}, {"redis", "unix", "app/redis/unix"}, {"nginx", "", "app/nginx/unix"},
	} {
		got, err := o.way(tc.name, tc.way)
		require.NoError(t, err)
		assert.Equal(t, tc.want, got)
	}
	_, err := o.way("redis", "tls")
	assert.EqualError(t, err, `application redis has no way "tls"; it has loopback, unix`)
}

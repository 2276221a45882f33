package cache

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Locks that a process holds are not removed.
func TestPruneRemovesLocks(t *testing.T) {
	c := open(t)
	for i := range 20 {
		publish(t, c, "kind", hexKey(i))
	}
	letGo(c)
	mine, err := c.Lock(t.Context(), "kind-mine")
	require.NoError(t, err)
	prune(t, c, Limits{All: true})
	assert.Equal(t, []string{"kind-mine"}, names(t, c.Dir, "lock"))
	_, err = c.tryLock("kind-mine")
	require.ErrorIs(t, err, errBusy)
	mine.Close()
	prune(t, c, Limits{})
	assert.Empty(t, names(t, c.Dir, "lock"))
}

// A process that opened the file of a lock before it was removed does not take it for the lock,
// which another process may hold by then.
func TestLockThatWasRemoved(t *testing.T) {
	c := open(t)
	path := filepath.Join(c.Dir, "lock", "x")
	early, err := os.Create(path)
	require.NoError(t, err)
	defer early.Close()
	require.NoError(t, c.sweepLocks())
	assert.NoFileExists(t, path)
	require.ErrorIs(t, take(early, path), errGone)
	mine, err := c.Lock(t.Context(), "x")
	require.NoError(t, err)
	defer mine.Close()
	require.ErrorIs(t, take(early, path), errGone)
	_, err = c.tryLock("x")
	require.ErrorIs(t, err, errBusy)
	require.NoError(t, c.sweepLocks())
	assert.FileExists(t, path, "it is in use")
}

// Only one process at a time has the lock, however often its file is removed.
func TestLockWhileLocksAreRemoved(t *testing.T) {
	c := open(t)
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
				err = c.sweepLocks()
			}
		}
		stopped <- err
	}()
	var holders atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for taken := 0; taken < 200; {
				f, err := c.tryLock("x")
				if errors.Is(err, errBusy) {
					continue
				}
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, int32(1), holders.Add(1))
				for range 100 { // gives others time to try
					runtime.Gosched()
				}
				taken++
				holders.Add(-1)
				f.Close()
			}
		})
	}
	all.Wait()
	close(stop)
	require.NoError(t, <-stopped)
}

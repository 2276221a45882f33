package record

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// held returns a results file that stays locked during a test.
func held(t *testing.T) Store {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	require.NoError(t, s.Append(t.Context(), sample("r1/a")))
	f, err := s.open()
	require.NoError(t, err)
	require.NoError(t, lock(t.Context(), f, unix.F_WRLCK, appendByte, nil))
	t.Cleanup(func() { f.Close() })
	return s
}

// Waiting for a lock is reported, and ends when netstrip is interrupted.
func TestWaitingForALockIsInterrupted(t *testing.T) {
	s := held(t)
	ctx, interrupt := context.WithCancel(t.Context())
	told := make(chan string, 1)
	s.OnWait = func(path string) { told <- path; interrupt() }
	start := time.Now()
	err := s.Append(ctx, sample("r1/b"))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errLocked)
	assert.Equal(t, s.Path, <-told)
	assert.Less(t, time.Since(start), 10*time.Second)
	_, err = s.Begin(ctx, planOf("r2", "full"))
	require.ErrorIs(t, err, errLocked)
}

// After an interruption a free lock is still taken, so that the record of a finished boot is
// written.
func TestAppendWhenInterrupted(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	require.NoError(t, s.Append(ctx, sample("r1/a")))
	records, _, err := load(s.Path)
	require.NoError(t, err)
	assert.Len(t, records, 1)
}

// Reading does not wait forever for a stopped writer.
func TestLoadBesideAStoppedWriter(t *testing.T) {
	s := held(t)
	start := time.Now()
	records, damage, err := load(s.Path)
	require.NoError(t, err)
	assert.Empty(t, damage)
	assert.Len(t, records, 1)
	assert.Less(t, time.Since(start), 10*readerPatience)
}

// A path that cannot hold results or console logs is refused before anything is built.
func TestCheckRefuses(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	for path, want := range map[string]string{
		dir: "it is a directory", fifo: "it is a FIFO", "/dev/null": "it is a device",
	} {
		s := Store{Path: path}
		require.ErrorContains(t, s.Check(), want+", not a regular file; --results names another file")
		_, _, err := load(path)
		require.ErrorContains(t, err, want)
		_, _, err = s.Resume()
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "console"), nil, 0o644))
	s := Store{Path: filepath.Join(dir, "r.jsonl")}
	require.ErrorContains(t, s.Check(), "console is not a directory, but console logs go there")
}

// Recent returns the last records for any length.
func TestRecent(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	for _, id := range []string{"r1/a", "r1/b", "r2/c"} {
		require.NoError(t, s.Append(t.Context(), sample(id)))
	}
	all, _, err := load(s.Path)
	require.NoError(t, err)
	info, err := os.Stat(s.Path)
	require.NoError(t, err)
	most := 0
	for tail := range info.Size() + 10 {
		recent, err := s.Recent(tail)
		require.NoError(t, err)
		require.LessOrEqual(t, most, len(recent), "of %d bytes", tail)
		most = len(recent)
		require.Equal(t, all[len(all)-most:], append([]Record{}, recent...))
	}
	assert.Equal(t, 3, most)
	_, err = Store{Path: s.Path + "-"}.Recent(1)
	require.ErrorIs(t, err, os.ErrNotExist)
}

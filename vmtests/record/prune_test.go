package record

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Pruning removes a run with its plan and console logs, and nothing else.
func TestPrune(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	dir := filepath.Dir(s.Path)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "console"), 0o755))
	for _, name := range []string{"console/r1-full.log", "console/r2-full.log", "other.log"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	for _, run := range []string{"r1", "r2"} {
		r, err := s.Begin(t.Context(), planOf(run, "full"))
		require.NoError(t, err)
		if run == "r2" {
			require.ErrorContains(t, s.Prune(t.Context(), func(string) bool { return true }), "the run r2 is in progress")
		}
		rec := of(run, "full", Completed)
		rec.ConsoleLog = "console/" + run + "-full.log"
		require.NoError(t, r.Append(t.Context(), rec))
		require.NoError(t, r.Close())
	}
	hostile := of("r1", "hostile", Completed)
	hostile.ConsoleLog = "console/../other.log"
	require.NoError(t, s.Append(t.Context(), hostile))
	f, err := s.open()
	require.NoError(t, err)
	_, err = f.WriteString("half a line\n")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	runs, bytes, err := s.Sizes()
	require.NoError(t, err)
	assert.Equal(t, []string{"r1", "r2"}, runs)
	assert.Greater(t, bytes["r1"], bytes["r2"])

	require.NoError(t, s.Prune(t.Context(), func(run string) bool { return run == "r1" }))
	all, err := s.Open()
	require.NoError(t, err)
	require.Len(t, all.Records, 1)
	assert.Equal(t, "r2/full", all.Records[0].ID)
	assert.Len(t, all.plans, 1)
	assert.Len(t, all.Damage, 1, "a line that cannot be read stays")
	assert.NoFileExists(t, filepath.Join(dir, "console/r1-full.log"))
	assert.FileExists(t, filepath.Join(dir, "console/r2-full.log"))
	assert.FileExists(t, filepath.Join(dir, "other.log"))
	left, err := filepath.Glob(filepath.Join(dir, ".netstrip-tmp-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Nothing that is appended is lost, however often the file is replaced.
func TestPruneWhileOthersAppend(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	const writers, each = 4, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				for _, run := range []string{"keep", "drop"} {
					assert.NoError(t, s.Append(t.Context(), of(run, fmt.Sprintf("p%d-%d", w, i), Completed)))
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	prune := func() error {
		return s.Prune(t.Context(), func(run string) bool { return run == "drop" })
	}
	require.Eventually(t, func() bool { _, err := os.Stat(s.Path); return err == nil }, 10*time.Second, time.Millisecond)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		require.NoError(t, prune())
	}
	records, damage, err := load(s.Path)
	require.NoError(t, err)
	assert.Empty(t, damage)
	assert.Len(t, records, writers*each)
}

// A writer that waited while the file was replaced appends to the new one.
func TestAppendToAFileThatWasPruned(t *testing.T) {
	s := Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	f, err := s.open()
	require.NoError(t, err)
	require.NoError(t, lock(t.Context(), f, unix.F_WRLCK, appendByte, nil))
	waits, done := make(chan string, 1), make(chan error, 2)
	s.OnWait = func(path string) { waits <- path }
	go func() { done <- s.Append(t.Context(), sample("r1/a")) }()
	<-waits
	require.NoError(t, os.WriteFile(s.Path+".new", nil, 0o644))
	require.NoError(t, os.Rename(s.Path+".new", s.Path))
	require.NoError(t, f.Close())
	require.NoError(t, <-done)
	records, _, err := load(s.Path)
	require.NoError(t, err)
	assert.Len(t, records, 1)
}

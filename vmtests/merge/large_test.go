package merge

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
)

// large writes n records of the size of real ones as four shards.
func large(t *testing.T, n int) (paths []string, bytes int64) {
	t.Helper()
	findings, err := expect.Expected("6.12", "full")
	require.NoError(t, err)
	for i := range findings {
		findings[i].Detail = strings.Repeat("what the call returned, for people; ", 3)
	}
	like := boot("R", "full")
	like.Schema, like.Findings, like.ConsoleLog = record.Schema, findings, "console/X.log"
	like.Hello = &wire.Hello{}
	like.Machine.Command = strings.Repeat("qemu-system-x86_64 -nodefaults ", 40)
	dir := t.TempDir()
	line := record.Store{Path: filepath.Join(dir, "line.jsonl")}
	require.NoError(t, line.Append(t.Context(), like))
	text, err := os.ReadFile(line.Path)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(text), `"id":"R/full","run":"R"`)
	require.True(t, ok)
	rest, end, ok := strings.Cut(rest, "X.log")
	require.True(t, ok)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "console"), 0o755))
	for s := 1; s <= 4; s++ {
		path := filepath.Join(dir, fmt.Sprintf("%d.jsonl", s))
		f, err := os.Create(path)
		require.NoError(t, err)
		w := bufio.NewWriterSize(f, 1<<20)
		run := fmt.Sprintf("r%d", s)
		p := record.Plan{Run: run, Shard: &record.Part{Index: s, Of: 4}}
		for i := 1; i <= n; i++ {
			b := record.Boot{ID: fmt.Sprintf("%s/full/%d", run, i), Profile: "full", Inputs: "inputs"}
			p.Shard.Whole = append(p.Shard.Whole, b)
			if i%4 == s-1 {
				p.Boots = append(p.Boots, b)
			}
		}
		require.NoError(t, p.WritePlan(w))
		for i, b := range p.Boots {
			log := fmt.Sprintf("%d-%d.log", s, i)
			_, err := fmt.Fprintf(w, `%s"id":%q,"run":%q%s%s%s`, head, b.ID, run, rest, log, end)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "console", log), []byte(log), 0o644))
		}
		require.NoError(t, w.Flush())
		info, err := f.Stat()
		require.NoError(t, err)
		bytes += info.Size()
		require.NoError(t, f.Close())
		paths = append(paths, path)
	}
	return paths, bytes
}

// cpu returns the time that this process has computed, which other load on the machine changes little.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// 1,000 records are merged within a second, and, with NETSTRIP_FULL set, 100,000 within 30 s of two
// cores and 1 GiB.
func TestMergesManyRecords(t *testing.T) {
	for n, most := range map[int]time.Duration{1000: time.Second, 100_000: time.Minute} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if n > 1000 && os.Getenv("NETSTRIP_FULL") == "" {
				t.Skip("100,000 RECORDS ARE MERGED only with NETSTRIP_FULL")
			}
			paths, bytes := large(t, n)
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(900 << 20))
			out := filepath.Join(t.TempDir(), "all.jsonl")
			start, began := cpu(t), time.Now()
			r, err := Files(paths, Options{Out: out})
			require.NoError(t, err)
			assert.Equal(t, n, r.Boots)
			took := cpu(t) - start
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			t.Logf("%d records of %d KiB: %.1f s CPU, %.1f s, %d MiB of memory", n, bytes/int64(n)>>10, took.Seconds(), time.Since(began).Seconds(), m.Sys>>20)
			if !testing.Short() { // with -short the race detector may be on, which costs several times that
				assert.Less(t, took, most)
			}
			assert.Less(t, m.Sys, uint64(1<<30))
			info, err := os.Stat(out)
			require.NoError(t, err)
			assert.Greater(t, info.Size(), bytes/2)
		})
	}
}

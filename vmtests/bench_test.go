package vmtests

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchmath"
	"golang.org/x/sync/errgroup"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// benchRunner returns a runner with its own results file, and the ladder's kernels.
func benchRunner(b *testing.B, jobs int) (*run.Runner, []kconfigs.Profile) {
	b.Helper()
	b.Setenv("NETSTRIP_REQUIRE_VM", "1")
	runner, err := run.New(b.Context(), run.Options{Results: filepath.Join(b.TempDir(), "results.jsonl"), Jobs: jobs})
	require.NoError(b, err)
	return runner, kconfigs.Ladder()
}

// reportRatios reports the median and 95 % confidence interval of a sample of ratios, taken in one
// run, so that other load on the machine affects both sides alike.
func reportRatios(b *testing.B, ratios []float64) {
	b.Helper()
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(ratios, &benchmath.DefaultThresholds), 0.95)
	b.ReportMetric(s.Center, "ratio")
	b.ReportMetric(s.Lo, "ratio-low")
	b.ReportMetric(s.Hi, "ratio-high")
	b.ReportMetric(0, "ns/op") // of no interest
}

func median(x []float64) float64 {
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(x, &benchmath.DefaultThresholds), 0.95).Center
}

// BenchmarkOverhead boots one kernel through netstrip, which records it, and with the bare QEMU
// command line that netstrip prints for it. The target is a ratio of at most 1.10.
func BenchmarkOverhead(b *testing.B) {
	runner, profiles := benchRunner(b, 1)
	full := profiles[:1]
	kernels, err := runner.Build(b.Context(), full)
	require.NoError(b, err)
	_, err = runner.Conditions(b.Context(), kernels[0]) // prepares what all boots share
	require.NoError(b, err)
	var ratios, bare, ours []float64
	for b.Loop() {
		start := time.Now()
		rec, err := runner.Ask(b.Context(), full[0], kernels[0], "")
		require.NoError(b, err)
		require.Equal(b, record.Completed, rec.Outcome, rec.Reason)
		ours = append(ours, time.Since(start).Seconds())

		dir := b.TempDir()
		start = time.Now()
		require.NoError(b, runBare(dir, rec.Machine.Command))
		bare = append(bare, time.Since(start).Seconds())
		ratios = append(ratios, ours[len(ours)-1]/bare[len(bare)-1])
	}
	reportRatios(b, ratios)
	b.ReportMetric(median(ours), "netstrip-s")
	b.ReportMetric(median(bare), "bare-s")
}

// BenchmarkMatrix boots sixteen guests one after the other and then as many at once as there are
// cores. The target on two cores is at least 1.8 times as fast. The machine's ceiling is the same
// ratio for the bare command lines of these boots, which have no record, no watchdog and no disk
// to wait for.
func BenchmarkMatrix(b *testing.B) {
	one, ladder := benchRunner(b, 1)
	many, _ := benchRunner(b, 0)
	sixteen := append(ladder, kconfigs.Ladder()...)
	var ratios, bare []float64
	for b.Loop() {
		turns, records := matrix(b, one, sixteen)
		atOnce, _ := matrix(b, many, sixteen)
		ratios = append(ratios, turns/atOnce)
		bare = append(bare, bareMatrix(b, records, 1)/bareMatrix(b, records, runtime.NumCPU()))
	}
	reportRatios(b, ratios)
	b.ReportMetric(median(bare), "bare-ratio")
}

// matrix boots profiles through netstrip and returns the seconds that took.
func matrix(b *testing.B, runner *run.Runner, profiles []kconfigs.Profile) (float64, []record.Record) {
	b.Helper()
	start := time.Now()
	records, err := runner.Run(b.Context(), profiles)
	require.NoError(b, err)
	seconds := time.Since(start).Seconds()
	for _, r := range records {
		require.Equal(b, record.Completed, r.Outcome, r.Reason)
	}
	return seconds, records
}

// bareMatrix runs the command lines of records, this many at once, longest first, and returns the
// seconds that took.
func bareMatrix(b *testing.B, records []record.Record, jobs int) float64 {
	b.Helper()
	byTime := slices.SortedFunc(slices.Values(records), func(x, y record.Record) int {
		return cmp.Compare(y.Phases.Exit, x.Phases.Exit)
	})
	start := time.Now()
	var g errgroup.Group
	g.SetLimit(jobs)
	for _, r := range byTime {
		g.Go(func() error { return runBare(b.TempDir(), r.Machine.Command) })
	}
	require.NoError(b, g.Wait())
	return time.Since(start).Seconds()
}

// runBare runs a QEMU command line in dir; its guest must send "done".
func runBare(dir, command string) error {
	out, err := os.Create(filepath.Join(dir, "console"))
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Stdout = dir, out
	if err := cmd.Run(); err != nil {
		return err
	}
	events, err := os.ReadFile(filepath.Join(dir, "events.jsonl"))
	if err == nil && !bytes.Contains(events, []byte(`"done"`)) {
		err = fmt.Errorf("the guest of %s never said done", command)
	}
	return err
}

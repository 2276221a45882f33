package vmtests

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchmath"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/record"
)

// benchRig gives a rig with its own results file, and the ladder's kernels.
func benchRig(b *testing.B, jobs int) (*Rig, []kconfigs.Profile) {
	b.Helper()
	b.Setenv("NETSTRIP_REQUIRE_VM", "1")
	rig, err := New(b.Context(), Options{Results: filepath.Join(b.TempDir(), "results.jsonl"), Jobs: jobs})
	require.NoError(b, err)
	return rig, kconfigs.Ladder()
}

// reportRatios writes median and 95 % confidence interval of a sample of ratios, taken in
// one run, so that what else the machine does weighs on both sides alike.
func reportRatios(b *testing.B, ratios []float64) {
	b.Helper()
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(ratios, &benchmath.DefaultThresholds), 0.95)
	b.ReportMetric(s.Center, "ratio")
	b.ReportMetric(s.Lo, "ratio-low")
	b.ReportMetric(s.Hi, "ratio-high")
	b.ReportMetric(0, "ns/op") // not what this is about
}

// BenchmarkOverhead boots one kernel through netstrip, recorded and all, and by the
// bare QEMU command line that netstrip prints for it. Wanted: at most 1.10.
func BenchmarkOverhead(b *testing.B) {
	rig, profiles := benchRig(b, 1)
	full := profiles[:1]
	kernels, err := rig.Build(b.Context(), full)
	require.NoError(b, err)
	p, err := rig.prepare(b.Context(), kernels[0])
	require.NoError(b, err)
	p.results = rig.store
	var ratios, bare, ours []float64
	for b.Loop() {
		start := time.Now()
		rec, err := rig.bootOne(b.Context(), p, subject{Profile: full[0], kernel: kernels[0]}, "bench")
		require.NoError(b, err)
		require.Equal(b, record.Completed, rec.Outcome, rec.Reason)
		ours = append(ours, time.Since(start).Seconds())

		dir := b.TempDir()
		start = time.Now()
		cmd := exec.Command("sh", "-c", rec.Machine.Command)
		cmd.Dir = dir
		out, err := os.Create(filepath.Join(dir, "console"))
		require.NoError(b, err)
		cmd.Stdout = out
		require.NoError(b, cmd.Run())
		bare = append(bare, time.Since(start).Seconds())
		out.Close()
		events, err := os.ReadFile(filepath.Join(dir, "events.jsonl"))
		require.NoError(b, err)
		require.Contains(b, string(events), `"done"`)
		ratios = append(ratios, ours[len(ours)-1]/bare[len(bare)-1])
	}
	reportRatios(b, ratios)
	median := func(x []float64) float64 {
		return benchmath.AssumeNothing.Summary(benchmath.NewSample(x, &benchmath.DefaultThresholds), 0.95).Center
	}
	b.ReportMetric(median(ours), "netstrip-s")
	b.ReportMetric(median(bare), "bare-s")
}

// BenchmarkMatrix boots sixteen guests one after the other and then as many at once
// as there are cores. Wanted on two cores: at least 1.8 times as fast.
func BenchmarkMatrix(b *testing.B) {
	one, ladder := benchRig(b, 1)
	many, _ := benchRig(b, 0)
	sixteen := append(ladder, kconfigs.Ladder()...)
	var ratios []float64
	for b.Loop() {
		ratios = append(ratios, matrix(b, one, sixteen)/matrix(b, many, sixteen))
	}
	reportRatios(b, ratios)
}

func matrix(b *testing.B, rig *Rig, profiles []kconfigs.Profile) float64 {
	b.Helper()
	start := time.Now()
	records, err := rig.Run(b.Context(), profiles)
	require.NoError(b, err)
	for _, r := range records {
		require.Equal(b, record.Completed, r.Outcome, r.Reason)
	}
	return time.Since(start).Seconds()
}

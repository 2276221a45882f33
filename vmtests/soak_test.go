package vmtests

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchmath"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

var soak = flag.Int("soak", 20, "how many guests TestSoak boots")

// footprint is what must not grow with the number of boots.
type footprint struct {
	stock
	heapKiB uint64
}

func takeFootprint(t *testing.T) footprint {
	t.Helper()
	debug.FreeOSMemory() // collects garbage, so that only live memory counts
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{takeStock(t), m.HeapAlloc >> 10}
}

// TestSoak boots no-net and full alternately, a few times here and a thousand times with make
// soak: every boot must complete and answer as expected, and nothing may leak after the first few.
func TestSoak(t *testing.T) {
	runner := newTestRunner(t, run.Options{})
	var pair []kconfigs.Profile
	for _, name := range []string{"no-net", "full"} {
		p, err := kconfigs.Lookup(name)
		require.NoError(t, err)
		pair = append(pair, p)
	}
	kernels, err := runner.Build(t.Context(), pair)
	require.NoError(t, err)
	const batch = 10
	t.Setenv("TMPDIR", t.TempDir())
	outcomes := map[record.Outcome]int{}
	seconds := map[string][]float64{}
	deviating := 0
	var before footprint
	boots := share(t, *soak)
	for done := 0; done < boots; done += batch {
		var profiles []kconfigs.Profile
		var images []*kbuild.Kernel
		for i := range min(batch, boots-done) {
			profiles, images = append(profiles, pair[i%2]), append(images, kernels[i%2])
		}
		records, err := runner.Boot(t.Context(), profiles, images)
		require.NoError(t, err)
		for _, r := range records {
			outcomes[r.Outcome]++
			seconds[r.Profile] = append(seconds[r.Profile], r.Phases.Exit)
			devs, err := expect.Deviations(r)
			require.NoError(t, err)
			if len(devs) > 0 {
				deviating++
				t.Errorf("%s: %v (%s)", r.ID, devs, r.ConsoleLog)
			}
		}
		if done == 0 {
			before = takeFootprint(t)
		}
	}
	after := takeFootprint(t)
	t.Log(soakReport(outcomes, deviating, seconds, before, after))
	assert.Equal(t, map[record.Outcome]int{record.Completed: boots}, outcomes)
	assert.LessOrEqual(t, len(after.fds), len(before.fds), "descriptors leak: %v", after.fds)
	assert.LessOrEqual(t, after.goroutines, before.goroutines, "goroutines leak")
	assert.Empty(t, after.children, "processes are left")
	assert.Len(t, after.files, len(before.files), "temporary files are left")
	assert.Less(t, after.heapKiB, before.heapKiB+8<<10, "memory leaks")
}

func soakReport(outcomes map[record.Outcome]int, deviating int, seconds map[string][]float64, before, after footprint) string {
	var b strings.Builder
	fmt.Fprintf(&b, "outcomes %v, not as expected %d\n", outcomes, deviating)
	for _, profile := range []string{"no-net", "full"} {
		s := benchmath.NewSample(seconds[profile], &benchmath.DefaultThresholds)
		m := benchmath.AssumeNothing.Summary(s, 0.95)
		fmt.Fprintf(&b, "%-7s %d boots, median %.2f s (95%%: %.2f to %.2f), least %.2f, most %.2f\n",
			profile, len(s.Values), m.Center, m.Lo, m.Hi, s.Values[0], s.Values[len(s.Values)-1])
	}
	fmt.Fprintf(&b, "held after the first ten and at the end: descriptors %d, %d; goroutines %d, %d; heap %d, %d KiB; temporary files %d, %d; processes %d, %d",
		len(before.fds), len(after.fds), before.goroutines, after.goroutines, before.heapKiB, after.heapKiB,
		len(before.files), len(after.files), len(before.children), len(after.children))
	return b.String()
}

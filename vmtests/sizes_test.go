package vmtests

import (
	"flag"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

var sizes = flag.Bool("sizes", false, "measure the least memory and the boot time of each kernel in TestSizes")

// bootsIn boots a kernel with this much memory, in MiB.
func bootsIn(t *testing.T, p kconfigs.Profile, k *kbuild.Kernel, mib int) record.Record {
	t.Helper()
	r, err := newTestRunner(t, run.Options{MemoryMiB: mib}).Ask(t.Context(), p, k, "")
	require.NoError(t, err)
	return r
}

// The smallest kernel stays small.
func TestTiny(t *testing.T) {
	runner := newTestRunner(t, run.Options{})
	tiny, err := kconfigs.Lookup("tiny")
	require.NoError(t, err)
	kernels, err := runner.Build(t.Context(), []kconfigs.Profile{tiny})
	require.NoError(t, err)
	assert.LessOrEqual(t, kernels[0].ImageBytes, int64(1_200_000))
	r := bootsIn(t, tiny, kernels[0], 128)
	assert.Equal(t, record.Completed, r.Outcome, r.Reason)
}

// TestSizes prints each kernel's size, its time to user space, the least memory in which it
// completes, and its outcome with 1 MiB less.
func TestSizes(t *testing.T) {
	if !*sizes {
		t.Skip("takes minutes: make bench-size")
	}
	runner := newTestRunner(t, run.Options{})
	profiles := tested(t)[0].profiles(t, false)
	kernels, err := runner.Build(t.Context(), profiles)
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("| profile | bzImage | text | data | bss | user space | least memory | in 1 MiB less |\n|---|---|---|---|---|---|---|---|\n")
	for i, k := range kernels {
		var seconds []float64
		for range 5 {
			r := bootsIn(t, profiles[i], k, 256)
			require.Equal(t, record.Completed, r.Outcome, r.Reason)
			seconds = append(seconds, r.Phases.Init)
		}
		slices.Sort(seconds)
		const least = 8
		completes := func(mib int) bool { return bootsIn(t, profiles[i], k, mib).Outcome == record.Completed }
		mib := least + sort.Search(256-least, func(n int) bool { return completes(least + n) })
		less := bootsIn(t, profiles[i], k, mib-1)
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %.2f s | %d MiB | %s: %s |\n", profiles[i].Name,
			k.ImageBytes, k.Text, k.Data, k.BSS, seconds[2], mib, less.Outcome, less.Reason)
	}
	fmt.Print(b.String())
}

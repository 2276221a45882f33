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
)

var sizes = flag.Bool("sizes", false, "have TestSizes measure how little memory each kernel boots in, and how fast it boots")

// bootsIn boots a kernel in so many MiB of memory.
func bootsIn(t *testing.T, rig *Rig, k *kbuild.Kernel, mib int) result {
	t.Helper()
	p, err := rig.prepare(t.Context(), k)
	require.NoError(t, err)
	p.image, err = rig.imageFor(t.Context(), p, subject{}, k)
	require.NoError(t, err)
	g := rig.guest(p, k)
	g.memoryMiB = mib
	r, err := boot(t.Context(), g)
	require.NoError(t, err)
	return r
}

// TestTiny holds the smallest kernel to being small.
func TestTiny(t *testing.T) {
	rig := newTestRig(t)
	tiny, err := kconfigs.Lookup("tiny")
	require.NoError(t, err)
	kernels, err := rig.Build(t.Context(), []kconfigs.Profile{tiny})
	require.NoError(t, err)
	assert.LessOrEqual(t, kernels[0].ImageBytes, int64(1_200_000))
	r := bootsIn(t, rig, kernels[0], 128)
	assert.Equal(t, record.Completed, r.outcome, r.reason)
}

// TestSizes prints how big each kernel is, how long it takes to user space, in how little
// memory it still completes, and what becomes of it in a MiB less.
func TestSizes(t *testing.T) {
	if !*sizes {
		t.Skip("takes minutes: make bench-size")
	}
	rig := newTestRig(t)
	profiles := chosen("")
	kernels, err := rig.Build(t.Context(), profiles)
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("| profile | bzImage | text | data | bss | user space | least memory | in 1 MiB less |\n|---|---|---|---|---|---|---|---|\n")
	for i, k := range kernels {
		var seconds []float64
		for range 5 {
			r := bootsIn(t, rig, k, 256)
			require.Equal(t, record.Completed, r.outcome, r.reason)
			seconds = append(seconds, r.phases.Init)
		}
		slices.Sort(seconds)
		const least = 8
		completes := func(mib int) bool { return bootsIn(t, rig, k, mib).outcome == record.Completed }
		mib := least + sort.Search(256-least, func(n int) bool { return completes(least + n) })
		less := bootsIn(t, rig, k, mib-1)
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %.2f s | %d MiB | %s: %s |\n", profiles[i].Name,
			k.ImageBytes, k.Text, k.Data, k.BSS, seconds[2], mib, less.outcome, less.reason)
	}
	fmt.Print(b.String())
}

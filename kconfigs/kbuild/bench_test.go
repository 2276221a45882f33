package kbuild

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
)

// BenchmarkLadder builds the ladder in an empty cache, and then each of its configs by
// make in an empty directory, and prints what each took. Wanted: all of the ladder in at
// most 2.5 times the processor time of full from scratch, no-packet in a tenth of it. With
// -short those two are all.
func BenchmarkLadder(b *testing.B) {
	users, err := cache.Open("")
	require.NoError(b, err)
	b.Setenv("CCACHE_DISABLE", "1") // what it has from before would be no cost of these
	source, err := OpenSource(b.Context(), SourceOptions{Cache: users, Series: os.Getenv("NETSTRIP_SERIES")})
	require.NoError(b, err)
	tree, err := source.Tree(b.Context()) // unpacked once; that is no part of a kernel's cost
	require.NoError(b, err)
	for b.Loop() {
		own, err := cache.Open(b.TempDir())
		require.NoError(b, err)
		builder := &Builder{Cache: own, Source: source}
		var table strings.Builder
		table.WriteString("| kernel | objects | CPU | wall | from scratch, objects | CPU | wall |\n|---|---|---|---|---|---|---|\n")
		var ladder, full, noPacket float64
		profiles := kconfigs.Ladder()
		if testing.Short() {
			profiles = profiles[:2]
		}
		for _, p := range profiles {
			req, err := p.Request()
			require.NoError(b, err)
			k, err := builder.Build(b.Context(), req)
			require.NoError(b, err)
			alone := scratch(b, tree, k)
			fmt.Fprintf(&table, "| %s | %d | %.0f s | %.0f s | %d | %.0f s | %.0f s |\n",
				p.Name, k.Objects, k.CPUSeconds, k.WallSeconds, alone.objects, alone.cpu, alone.wall)
			ladder += k.CPUSeconds
			switch p.Name {
			case "full":
				full = alone.cpu
			case "no-packet":
				noPacket = k.CPUSeconds
			}
		}
		fmt.Print(table.String())
		b.ReportMetric(ladder/full, "ladder/full")
		b.ReportMetric(noPacket/full, "no-packet/full")
		b.ReportMetric(0, "ns/op")
	}
}

// cost is what a make took, in seconds.
type cost struct {
	objects   int
	cpu, wall float64
}

// scratch makes a kernel's config into a kernel as anybody would.
func scratch(b *testing.B, tree string, k *Kernel) cost {
	b.Helper()
	dir := b.TempDir()
	config, err := os.ReadFile(k.Config)
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(filepath.Join(dir, ".config"), config, 0o644))
	var c cost
	args := append([]string{"make", "-C", tree, "O=" + dir}, variables()...)
	usage, err := process.Run(b.Context(), process.Command{
		Args: append(args, "-j"+strconv.Itoa((&Builder{}).jobs()), "olddefconfig", "bzImage"),
		Env:  environment(),
		OnLine: func(line string) {
			if isObject(line) {
				c.objects++
			}
		},
	})
	require.NoError(b, err)
	c.cpu, c.wall = usage.CPU.Seconds(), usage.Wall.Seconds()
	require.NoError(b, os.RemoveAll(dir))
	return c
}

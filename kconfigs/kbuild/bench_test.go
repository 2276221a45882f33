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
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// BenchmarkLadder builds the ladder in an empty cache, and then each of its configs with make in
// an empty directory, and prints the times. The goals: the whole ladder takes at most 2.5 times
// the processor time of full from scratch, and no-packet a tenth of it. With -short it builds only
// full and no-packet.
func BenchmarkLadder(b *testing.B) {
	users, err := cache.Open("")
	require.NoError(b, err)
	b.Setenv("CCACHE_DISABLE", "1") // its old entries would hide part of the cost
	source, err := source.Open(b.Context(), source.Options{Cache: users, Series: os.Getenv("NETSTRIP_SERIES")})
	require.NoError(b, err)
	tree, err := source.Tree(b.Context()) // unpacked before the clock starts
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

// cost is the duration of a make in seconds.
type cost struct {
	objects   int
	cpu, wall float64
}

// scratch builds a kernel from its config with plain make.
func scratch(b *testing.B, tree string, k *Kernel) cost {
	b.Helper()
	dir := b.TempDir()
	config, err := os.ReadFile(k.Config)
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(filepath.Join(dir, ".config"), config, 0o644))
	var c cost
	args := append([]string{"make", "-C", tree, "O=" + dir}, variables(arch.Default())...)
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

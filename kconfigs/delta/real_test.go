package delta_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/delta"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

func TestScratch(t *testing.T) {
	c, err := cache.Open("")
	require.NoError(t, err)
	s, err := kbuild.OpenSource(t.Context(), kbuild.SourceOptions{Path: "/usr/src/linux-source-6.12.tar.xz", Cache: c})
	require.NoError(t, err)
	b := &kbuild.Builder{Cache: c, Source: s}
	k, err := b.Kconf(t.Context())
	require.NoError(t, err)
	defer k.Close()
	worlds := map[string]*explain.World{}
	for _, p := range kconfigs.Profiles() {
		req, err := p.Request()
		require.NoError(t, err)
		if req.Prebuilt != nil {
			kern, _, err := b.Cached(t.Context(), req)
			require.NoError(t, err)
			data, err := os.ReadFile(kern.Config)
			require.NoError(t, err)
			v, err := k.Values(t.Context(), kconf.OldDef, data)
			require.NoError(t, err)
			worlds[p.Name] = &explain.World{Tree: worlds["full"].Tree, Values: v}
			continue
		}
		w, err := b.World(t.Context(), k, req)
		require.NoError(t, err)
		worlds[p.Name] = w
	}
	for _, pair := range [][2]string{{"full", "no-net"}, {"no-net", "full"}, {"full", "no-unix"}, {"full", "bare-net"}, {"no-inet", "no-ipv6"},
		{"tiny", "no-net"}, {"no-net", "tiny"}, {"tiny", "full"}, {"defconfig", "defconfig-no-net"}, {"defconfig-no-net", "defconfig"}, {"defconfig", "full"}, {"full", "defconfig"}, {"distro", "full"}, {"full", "distro"}} {
		if len(os.Getenv("PAIR")) > 0 && os.Getenv("PAIR") != pair[0]+"/"+pair[1] {
			continue
		}
		n := 0
		start := time.Now()
		d, err := delta.Between(t.Context(), worlds[pair[0]], worlds[pair[1]], func(ctx context.Context, text []byte) (map[string]kconf.Value, error) {
			n++
			return k.Values(ctx, kconf.OldDef, text)
		})
		require.NoError(t, err)
		t.Logf("%v: %d differ, %d leaves, %d left, %d settled in %v", pair, len(d.Changes), len(d.Leaves), len(d.Left), n, time.Since(start))
		roots, rest := d.Roots()
		var all []string
		for _, l := range d.Leaves {
			all = append(all, l.Symbol)
		}
		wrong, total := 0, 0
		for i, r := range roots {
			fs := ""
			for i, f := range r.Followed {
				if i < 30 {
					fs += " " + f.Symbol + "<" + f.Cause
				}
			}
			if i < 40 {
				t.Log("   ", r.Change, r.Leaf, r.Asked, len(r.Followed), fs)
			}
			if len(r.Followed) == 0 || !r.Leaf || wrong > 50 {
				continue
			}
			total += len(r.Followed)
			alone, err := k.Values(t.Context(), kconf.OldDef, d.Config(r.Symbol))
			require.NoError(t, err)
			without, err := k.Values(t.Context(), kconf.OldDef, d.Config(slices.DeleteFunc(slices.Clone(all), func(n string) bool { return n == r.Symbol })...))
			require.NoError(t, err)
			for _, f := range r.Followed {
				b := worlds[pair[1]].Values[f.Symbol].Value
				if alone[f.Symbol].Value != b && without[f.Symbol].Value == b {
					wrong++
					t.Log("   WRONG", f, "of", r.Change)
				}
			}
		}
		t.Log("   ", wrong, "wrong of", total)
		for i, l := range rest {
			if i < 30 {
				t.Log("   REST", l)
			}
		}
		for i, l := range d.Left {
			if i < 30 {
				t.Log("   LEFT", l)
			}
		}
	}
}

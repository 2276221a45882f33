package configdiff_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild/kbuildtest"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// real returns the .config of a profile with Debian's source package, and its Kconfig code.
func real(t *testing.T, series string) (func(profile string) *explain.ConfigState, configdiff.Settle) {
	t.Helper()
	b, k := kbuildtest.Open(t, series)
	settle := func(ctx context.Context, config []byte) (map[string]kconf.Value, error) {
		return k.Values(ctx, kconf.OldDef, config)
	}
	worlds := map[string]*explain.ConfigState{}
	return func(profile string) *explain.ConfigState {
		if w := worlds[profile]; w != nil {
			return w
		}
		p, err := kconfigs.Lookup(profile)
		require.NoError(t, err)
		req, err := p.Request()
		require.NoError(t, err)
		w, err := b.ConfigState(t.Context(), k, req)
		require.NoError(t, err)
		worlds[profile] = w
		return w
	}, settle
}

// TestRealKernels compares profiles whose requests are known.
func TestRealKernels(t *testing.T) {
	for _, series := range []string{"6.12", "6.1"} {
		t.Run(series, func(t *testing.T) {
			world, settle := real(t, series)
			compareProfiles(t, world, settle)
		})
	}
}

func compareProfiles(t *testing.T, world func(string) *explain.ConfigState, settle configdiff.Settle) {
	for _, c := range []struct {
		from, to, leaves string
		followed         int // at least
	}{
		{"full", "no-net", "NET=n", 20},
		{"full", "no-unix", "UNIX=n", 1},
		{"full", "bare-net", "INET=n NETDEVICES=n NET_NS=n PACKET=n UNIX=n", 10},
		{"no-net", "full", "DUMMY=y INET=y NET=y NETDEVICES=y PACKET=y POSIX_MQUEUE=y UNIX=y VETH=y VIRTIO_NET=y", 10},
		{"defconfig", "defconfig-no-net", "NET=n", 300},
		{"tiny", "no-net", "", 5},
		{"no-net", "tiny", "", 5},
		{"defconfig", "full", "", 900},
		{"full", "full", "", 0},
	} {
		t.Run(c.from+"/"+c.to, func(t *testing.T) {
			a, b := world(c.from), world(c.to)
			d, err := configdiff.Between(t.Context(), a, b, settle)
			require.NoError(t, err)
			assert.Empty(t, d.Left, "the leaves make the second of the first")
			if c.leaves != "" {
				assert.Equal(t, c.leaves, symbols(d.Leaves))
			}
			v := d.Divide()
			followed := 0
			for _, r := range v.Asked {
				followed += len(r.Followed)
			}
			assert.Empty(t, v.Rest, "all causes are known")
			assert.GreaterOrEqual(t, followed, c.followed)
			assert.Equal(t, len(d.Changes), len(v.Asked)+followed)
			if len(d.Leaves) < 30 {
				checkWay(t, d, a, b, settle)
				checkRoots(t, d, v, b, settle)
			}
		})
	}
}

// checkRoots sets each leaf alone, and all leaves but this one. No leaf can be left out, and the
// followers of a leaf appear with it, or do not appear without it.
func checkRoots(t *testing.T, d *configdiff.Delta, v *configdiff.Division, b *explain.ConfigState, settle configdiff.Settle) {
	t.Helper()
	var all []string
	for _, l := range d.Leaves {
		all = append(all, l.Symbol)
	}
	for _, r := range v.Asked {
		if !r.Leaf {
			continue
		}
		alone, err := settle(t.Context(), d.Config(r.Symbol))
		require.NoError(t, err)
		without, err := settle(t.Context(), d.Config(slices.DeleteFunc(slices.Clone(all), func(n string) bool { return n == r.Symbol })...))
		require.NoError(t, err)
		differ := slices.ContainsFunc(b.Names(), func(n string) bool { return without[n].Value != b.Values[n].Value })
		assert.True(t, differ, "%s can be left out", r.Symbol)
		for _, f := range r.Followed {
			want := b.Values[f.Symbol].Value
			assert.True(t, alone[f.Symbol].Value == want || without[f.Symbol].Value != want, "%s has nothing to do with %s", f.Symbol, r.Symbol)
		}
	}
}

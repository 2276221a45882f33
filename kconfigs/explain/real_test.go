package explain_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild/kbuildtest"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

var update = flag.Bool("update", false, "cut the corpus out of the real tree again")

func eachKernel(t *testing.T, test func(t *testing.T, tree *explain.Tree, k kbuildtest.Kernel)) {
	kbuildtest.Each(t, func(t *testing.T, k kbuildtest.Kernel) {
		tree, err := k.Symbols(k.Kconfig)
		require.NoError(t, err)
		test(t, tree, k)
	})
}

// TestEvaluation compares this package's values of every symbol with Kconfig's.
func TestEvaluation(t *testing.T) {
	eachKernel(t, func(t *testing.T, tree *explain.Tree, k kbuildtest.Kernel) {
		modes := []kconf.Mode{kconf.OldDef, kconf.AllNo, kconf.AllYes}
		if k.Quick {
			modes = modes[:1]
		}
		for _, mode := range modes {
			for _, text := range []string{"", "# CONFIG_NET is not set\n", "CONFIG_NET=y\n# CONFIG_MODULES is not set\n"} {
				values, err := k.Kconfig.Values(t.Context(), mode, []byte(text))
				require.NoError(t, err)
				w := explain.ConfigState{Tree: tree, Values: values}
				for _, name := range tree.Names() {
					got, want := values[name], values[name]
					var depends, selected kconf.Tri
					want.Visible, depends, selected = w.Bounds(name)
					if w.Comparable(name) {
						want.Depends, want.Selected = depends, selected
					}
					if got != want {
						t.Errorf("%s %q: %s is %+v and not %+v", mode, text, name, got, want)
					}
				}
			}
		}
	})
}

// TestCheck compares the closures with what Kconfig does.
func TestCheck(t *testing.T) {
	type counts struct{ gone, measured int }
	want := map[string]counts{
		"UNIX": {3, 3}, "NET_NS": {1, 1}, "PACKET": {2, 2},
		"NET": {2400, 2400}, "INET": {800, 800}, "IPV6": {80, 80}, "NETDEVICES": {1250, 1250},
	}
	eachKernel(t, func(t *testing.T, tree *explain.Tree, k kbuildtest.Kernel) {
		names := []string{"NET", "UNIX", "NET_NS", "INET", "IPV6", "PACKET", "NETDEVICES"}
		if k.Quick {
			names = names[:3]
		}
		for _, name := range names {
			c, err := tree.Check(t.Context(), name, func(ctx context.Context, text []byte) (map[string]kconf.Value, error) {
				return k.Kconfig.Values(ctx, kconf.AllYes, text)
			})
			require.NoError(t, err)
			gone := len(c.Closure.Gone)
			t.Logf("%s: %d can never be set, measured %d, %d differences", name, gone, c.Measured, len(c.Differences))
			if least := want[name]; least.gone < 10 {
				assert.Equal(t, least, counts{gone, c.Measured}, name)
			} else {
				assert.Greater(t, gone, least.gone, name)
				assert.Greater(t, c.Measured, least.measured, name)
			}
			net := 0
			for _, d := range c.Differences {
				assert.NotEqual(t, explain.ClassUnexplained, d.Class, "%+v", d)
				assert.NotEmpty(t, d.Reason)
				if d.Closure {
					net++
				} else {
					net--
				}
			}
			assert.Equal(t, gone-c.Measured, net)
			assert.Less(t, len(c.Differences)*20, gone+100, "they are few")
		}
		own := k.Arch.Symbol
		_, err := tree.Check(t.Context(), own, func(ctx context.Context, text []byte) (map[string]kconf.Value, error) {
			return k.Kconfig.Values(ctx, kconf.AllYes, text)
		})
		assert.ErrorContains(t, err, "switching "+own+" off: "+own+" stays y: it has no prompt, and its default is y")
	})
}

// TestCutCorpus makes the corpus of the other tests with -update.
func TestCutCorpus(t *testing.T) {
	if !*update {
		t.Skip("the corpus is as it is; -update cuts it anew")
	}
	b, k := kbuildtest.Open(t, "6.12")
	w, err := b.ConfigState(t.Context(), k, request(t))
	require.NoError(t, err)
	wanted, err := os.ReadFile("testdata/wanted")
	require.NoError(t, err)
	symbols, err := k.Symbols()
	require.NoError(t, err)
	keep := map[string]bool{}
	for _, s := range symbols {
		if slices.Contains(strings.Fields(string(wanted)), s.Name) {
			keep[s.Name], keep[s.Choice] = true, true
			for _, name := range explain.Named(s) {
				keep[name] = true
			}
		}
	}
	dumps, err := filepath.Glob(b.Cache.Path("kconf", "*/symbols"))
	require.NoError(t, err)
	var cut strings.Builder
	for _, dump := range dumps {
		data, err := os.ReadFile(dump)
		require.NoError(t, err)
		if all, err := kconf.ParseSymbols(data); err != nil || len(all) != len(symbols) {
			continue // another series
		}
		for line := range strings.Lines(string(data)) {
			var l struct{ Name string }
			require.NoError(t, json.Unmarshal([]byte(line), &l))
			if keep[l.Name] {
				cut.WriteString(line)
			}
		}
		break
	}
	require.NotEmpty(t, cut.String())
	require.NoError(t, os.WriteFile("testdata/symbols", []byte(cut.String()), 0o644))
	values := map[string]kconf.Value{}
	for name := range keep {
		if v, ok := w.Values[name]; ok {
			values[name] = v
		}
	}
	data, err := json.MarshalIndent(values, "", " ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("testdata/values.json", append(data, '\n'), 0o644))
}

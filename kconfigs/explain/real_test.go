package explain

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"os"
	"context"

	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
)

func TestScratch(t *testing.T) {
	for _, f := range []string{"6.12", "6.1"} {
		c, err := cache.Open("")
		require.NoError(t, err)
		s, err := kbuild.OpenSource(t.Context(), kbuild.SourceOptions{Cache: c, Path: "/usr/src/linux-source-"+f+".tar.xz"})
		require.NoError(t, err)
		k, err := (&kbuild.Builder{Cache: c, Source: s}).Kconf(t.Context())
		require.NoError(t, err)
		syms, err := k.Symbols()
		require.NoError(t, err)
		tree := NewTree(syms)
		values := func(ctx context.Context, r []byte) (map[string]kconf.Value, error) { return k.Values(ctx, kconf.AllYes, r) }
		for _, r := range []string{"", "# CONFIG_NET is not set\n", "CONFIG_NET=y\n# CONFIG_MODULES is not set\n"} {
			for _, m := range []kconf.Mode{kconf.AllNo, kconf.AllYes, kconf.OldDef} {
				v, err := k.Values(t.Context(), m, []byte(r))
				require.NoError(t, err)
				w := &World{Tree: tree, Values: v}
				bad := 0
				for _, s := range syms {
					vis := kconf.No
					if len(of(&s, "prompt")) > 0 { vis = w.eval(visibleIf(&s)) }
					if vis == kconf.Mod && (s.Type != "tristate" || w.tri("MODULES") == kconf.No) { vis = kconf.Yes }
					dep := w.eval(s.Depends)
					if dep == kconf.Mod && (s.Type != "tristate" || w.tri("MODULES") == kconf.No) { dep = kconf.Yes }
					sel := kconf.No
					for _, x := range tree.selectors[s.Name] { sel = max(sel, min(w.tri(x.name), w.eval(x.prop.If))) }
					if sel == kconf.Mod && (s.Type != "tristate" || w.tri("MODULES") == kconf.No) { sel = kconf.Yes }
					if vis != v[s.Name].Visible || (s.Choice == "" && dep != v[s.Name].Depends && isBool(&s)) || (s.Choice==""&& !isChoice(s.Name)  && sel != v[s.Name].Selected && isBool(&s)) {
						if bad < 10 { fmt.Println(f, m, r, s.Name, s.Type, vis, dep, sel, v[s.Name]) }
						bad++
					}
				}
				if bad > 0 { fmt.Println("BAD", bad) }
			}
		}
		for _, s := range []string{"NET", "INET", "UNIX", "NET_NS", "IPV6", "PACKET", "NETDEVICES"} {
			c, err := tree.Check(t.Context(), s, values)
			require.NoError(t, err)
			n := map[string]int{}
			for _, d := range c.Differences { n[fmt.Sprint(d.Class, d.Closure)]++ }
			fmt.Println(f, s, c.Closure.Off, "closure", len(c.Closure.Gone), "measured", c.Measured, n)
			if s == "NET" || os.Getenv("ALL") != "" { for _, d := range c.Differences { fmt.Printf("   %+v\n", d) } }
			if s != "NET" { for _, d := range c.Differences { if d.Class == ClassUnexplained { fmt.Printf("   %+v\n", d) } } }
		}
		k.Close()
	}
}

package explain

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

func TestScratch(t *testing.T) {
	for _, f := range []string{"/tmp/expl/o-linux-source-6.12", "/tmp/expl/o-4d415b3d364834fd818270e88813e90323bbfce4f519a0e6bd4940ddcd7df693"} {
		data, err := os.ReadFile(f + "/symbols")
		require.NoError(t, err)
		st := time.Now()
		syms, err := kconf.ParseSymbols(data)
		require.NoError(t, err)
		fmt.Println("parse", time.Since(st))
		tree := NewTree(syms)
		for _, s := range []string{"NET", "INET", "UNIX", "NET_NS", "IPV6", "PACKET", "NETDEVICES"} {
			st := time.Now()
			c := tree.Closure(s)
			fmt.Println(s, len(c.Gone), c.Trees[:min(len(c.Trees), 6)], time.Since(st))
			for _, sel := range tree.selectors[s] {
				fmt.Println("   ", sel.name, sel.prop.If, at(sel.prop))
			}
		}
	}
}

package configdiff_test

import (
	"fmt"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Compare two .configs of one kernel tree. Package kconf reads the symbols from the tree and
// computes their values for a .config.
func ExampleOf() {
	symbols, err := kconf.ParseSymbols([]byte(
		`{"name":"NET","file":"net/Kconfig","line":6,"type":"bool","properties":[{"kind":"prompt","text":"Networking support","file":"net/Kconfig","line":7}]}
{"name":"INET","file":"net/Kconfig","line":104,"type":"bool","depends":"NET","properties":[{"kind":"prompt","text":"TCP/IP networking","if":"NET","file":"net/Kconfig","line":105}]}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	tree := explain.NewTree(symbols, "x86_64")
	on := kconf.Value{Value: "y", Visible: kconf.Yes, Depends: kconf.Yes, Written: true}
	off := kconf.Value{Value: "n", Visible: kconf.Yes, Depends: kconf.Yes, Written: true}
	with := explain.NewConfigState(tree, map[string]kconf.Value{"NET": on, "INET": on}, kconfigs.Request{})
	without := explain.NewConfigState(tree, map[string]kconf.Value{"NET": on, "INET": off}, kconfigs.Request{})
	for _, c := range configdiff.Of(with, without).Changes {
		fmt.Printf("%s: %s to %s\n", c.Symbol, c.From, c.To)
	}
	// Output:
	// INET: y to n
}

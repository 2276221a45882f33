package explain_test

import (
	"fmt"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// List what no .config can have without a symbol. Package kconf reads the symbols from a kernel
// tree.
func ExampleTree_Closure() {
	symbols, err := kconf.ParseSymbols([]byte(
		`{"name":"NET","file":"net/Kconfig","line":6,"type":"bool","properties":[{"kind":"prompt","text":"Networking support","file":"net/Kconfig","line":7}]}
{"name":"INET","file":"net/Kconfig","line":104,"type":"bool","depends":"NET","properties":[{"kind":"prompt","text":"TCP/IP networking","if":"NET","file":"net/Kconfig","line":105}]}
{"name":"IPV6","file":"net/ipv6/Kconfig","line":7,"type":"tristate","depends":"INET","properties":[{"kind":"prompt","text":"The IPv6 protocol","if":"INET","file":"net/ipv6/Kconfig","line":8}]}
{"name":"SYSVIPC","file":"init/Kconfig","line":416,"type":"bool","properties":[{"kind":"prompt","text":"System V IPC","file":"init/Kconfig","line":417}]}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	closure := explain.NewTree(symbols, "x86_64").Closure("INET")
	fmt.Println("lost without INET:", closure.Gone)
	// Output:
	// lost without INET: [INET IPV6]
}

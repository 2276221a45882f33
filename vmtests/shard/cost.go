package shard

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/netstrip/netstrip/kconfigs/ref"
)

//go:embed costs.txt
var costsFile string

// costs are the lines of costs.txt by name.
var costs = sync.OnceValue(func() map[string]Guess {
	all := map[string]Guess{}
	for line := range strings.Lines(costsFile) {
		var name string
		var first, next, boot int
		if n, _ := fmt.Sscan(line, &name, &first, &next, &boot); n == 4 && name[0] != '#' {
			seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
			all[name] = Guess{seconds(first), seconds(next), seconds(boot)}
		}
	}
	return all
})

// Guess is what costs.txt says about a kernel, in times of one core: building it from nothing,
// building it after another of its object tree, one boot.
type Guess struct{ First, Next, Boot time.Duration }

// GuessFor returns the costs of a kernel and of its boot. r.Init is the init that it boots into, and
// foreign is set for an architecture that is emulated on every machine.
func GuessFor(r ref.Ref, foreign bool) Guess {
	all := costs()
	kernel := ref.Ref{Base: r.Base, Apps: r.Apps}
	g, known := all[kernel.String()]
	if !known {
		kernel.Base = "*"
		g = all[kernel.String()]
	}
	if init, known := all["/"+r.Init]; known {
		g.Boot = init.Boot
	}
	if foreign {
		g.Boot = g.Boot * (all["@foreign"].Boot / time.Second) / 100
	}
	return g
}

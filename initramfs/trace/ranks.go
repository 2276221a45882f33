//go:build linux

package trace

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed ranks.txt
var ranksFile string

// ranks returns the contents of ranks.txt.
var ranks = sync.OnceValue(func() map[failure]rank {
	all, err := parseRanks(ranksFile)
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return all
})

// failure is a kind of failed call, and whether a command's last words name it.
type failure struct {
	weight weight
	named  bool
}

// rank is the rank of a call if the failed command made it, and if another command did.
type rank struct{ own, others int }

// parseRanks reads a table of ranks.
func parseRanks(text string) (map[failure]rank, error) {
	all := map[failure]rank{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		var f failure
		var named string
		var r rank
		if _, err := fmt.Sscanf(line, "%s %s %d %d", &f.weight, &named, &r.own, &r.others); err != nil {
			return nil, fmt.Errorf("parsing the ranks: %q: %w", line, err)
		}
		f.named = named == "named"
		all[f] = r
	}
	return all, nil
}

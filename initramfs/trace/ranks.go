//go:build linux && amd64

package trace

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed ranks.txt
var ranksFile string

// ranks returns what ranks.txt says.
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

// rank is that of a call which the failed command made, and of one which another made.
type rank struct{ own, others int }

// parseRanks reads a table of ranks, which must have each failure exactly once.
func parseRanks(text string) (map[failure]rank, error) {
	all := map[failure]rank{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		word := strings.Fields(line)
		if len(word) == 0 || word[0] == "#" {
			continue
		}
		if len(word) != 4 || word[1] != "named" && word[1] != "unnamed" {
			return nil, fmt.Errorf("parsing the ranks: line %d: want KIND named|unnamed OWN OTHERS", n)
		}
		own, err1 := strconv.Atoi(word[2])
		others, err2 := strconv.Atoi(word[3])
		f := failure{weight(word[0]), word[1] == "named"}
		if _, twice := all[f]; twice || err1 != nil || err2 != nil {
			return nil, fmt.Errorf("parsing the ranks: line %d: no two numbers, or the same failure again", n)
		}
		all[f] = rank{own, others}
	}
	for _, w := range []weight{other, missing, echo, conclusive} {
		for _, named := range []bool{true, false} {
			if _, ok := all[failure{w, named}]; !ok || len(all) != 8 {
				return nil, fmt.Errorf("parsing the ranks: want a line for %s, named %t, and none but eight such", w, named)
			}
		}
	}
	return all, nil
}

//go:build linux && amd64

package trace

import (
	"cmp"
	"maps"
	"slices"
)

// maxKept bounds what a log keeps of calls that have nothing to do with the network: an
// interpreter looks for a file in hundreds of places.
const maxKept = 50_000

// log keeps failed calls, each once: a client that is asked a thousand times fails in the
// same ways a thousand times.
type log struct {
	seq  int
	last map[Call]int // to when it was the last time
}

func (l *log) add(c Call) {
	if l.last == nil {
		l.last = map[Call]int{}
	}
	if l.seq++; c.network || len(l.last) < maxKept {
		l.last[c] = l.seq
	}
}

// calls gives what is kept, in order.
func (l *log) calls() []Call {
	return slices.SortedFunc(maps.Keys(l.last), func(a, b Call) int { return cmp.Compare(l.last[a], l.last[b]) })
}

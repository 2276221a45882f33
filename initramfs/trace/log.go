//go:build linux && amd64

package trace

import (
	"cmp"
	"container/list"
	"slices"
)

// maxKept bounds what a log keeps of the calls of the network, and of the others: an
// interpreter looks for a file in hundreds of places, and a client may connect to as many.
const maxKept = 25_000

// log keeps failed calls, each once: a client that is asked a thousand times fails in the
// same ways a thousand times. The zero value is empty.
type log struct {
	seq int
	// One does not push the other out: a hundred thousand missing files leave the socket
	// that came before them.
	network, others kept
}

// kept holds the last maxKept different calls, the one that failed last at the back.
type kept struct {
	order list.List // of entry
	at    map[Call]*list.Element
}

// entry is a call and when it last failed.
type entry struct {
	call Call
	seq  int
}

func (l *log) add(c Call) {
	l.seq++
	if c.network {
		l.network.add(entry{c, l.seq})
	} else {
		l.others.add(entry{c, l.seq})
	}
}

// add moves a call that is known to the end, and drops the oldest for one that is not.
func (k *kept) add(e entry) {
	if k.at == nil {
		k.at = map[Call]*list.Element{}
	}
	if known := k.at[e.call]; known != nil {
		known.Value = e
		k.order.MoveToBack(known)
		return
	}
	k.at[e.call] = k.order.PushBack(e)
	if k.order.Len() > maxKept {
		oldest := k.order.Remove(k.order.Front()).(entry)
		delete(k.at, oldest.call)
	}
}

// calls returns what is kept, in the order of the last occurrence.
func (l *log) calls() []Call {
	var all []entry
	for _, k := range []*kept{&l.network, &l.others} {
		for e := k.order.Front(); e != nil; e = e.Next() {
			all = append(all, e.Value.(entry))
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) })
	calls := make([]Call, len(all))
	for i, e := range all {
		calls[i] = e.call
	}
	return calls
}

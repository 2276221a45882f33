//go:build linux

package trace

import (
	"cmp"
	"container/list"
	"slices"
)

// maxKept bounds the network calls in a log, and the other calls: an interpreter may look
// for each file in hundreds of places, and a client may connect to as many addresses.
const maxKept = 25_000

// log keeps failed calls, each once: a client that is run a thousand times fails a thousand
// times in the same way. The zero value is an empty log.
type log struct {
	seq int
	// The two are bounded separately, so a hundred thousand missing files cannot evict the
	// socket call that failed before them.
	network, others kept
}

// kept holds the last maxKept distinct calls, with the latest failure at the back.
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

// add moves a known call to the back, or appends a new one and drops the oldest.
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

// calls returns the calls in the order of their last occurrence.
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

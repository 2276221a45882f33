package search

import (
	"context"
	"fmt"
	"slices"
)

// patience is the number of candidates without an answer at one place after which the search
// treats all the changes there as one.
const patience = 6

// attempt is one run of a search, from the start to the first unknown answer.
type attempt struct {
	*Space
	ctx     context.Context
	answers Answers
	goal    Answer // of the last end
	missed  bool   // a candidate had no answer
	strict  bool   // also try without changes that others need
}

// ask returns the answer of a set, which needs a number of replies.
func (h *attempt) ask(times int, likely Answer, set []string, why string, args ...any) (Answer, error) {
	v, err := h.verdict(times, likely, set, why, args...)
	return v.Answer, err
}

func (h *attempt) verdict(times int, likely Answer, set []string, why string, args ...any) (Reply, error) {
	c, err := h.settle(h.ctx, set)
	if err != nil {
		return Reply{}, err
	}
	got := h.answers[c.Key]
	if len(got) < times {
		c.Again, c.Why, c.likely = len(got), fmt.Sprintf(why, args...), likely
		return Reply{}, &NeedAnswer{c}
	}
	for _, v := range got[1:] {
		if v.Answer != got[0].Answer {
			h.missed = true
			return Reply{Unknown, fmt.Sprintf("first %s, then %s", got[0].Answer, v.Answer)}, nil
		}
	}
	h.missed = h.missed || got[0].Answer == Unknown
	return got[0], nil
}

// once and sure are the number of replies a candidate needs during the search and at its end.
func (h *attempt) once() int { return max(h.Repeat, 1) }
func (h *attempt) sure() int { return h.once() + 1 }

// ends asks both ends.
func (h *attempt) ends() error {
	first, err := h.settle(h.ctx, nil)
	if err != nil {
		return err
	}
	if err := h.answers.check(); err != nil {
		return err
	}
	last, err := h.settle(h.ctx, h.Changes)
	if err != nil {
		return err
	}
	e := &EndsError{Same: first.Key == last.Key, Want: other(h.goal)}
	if e.Same {
		return e
	}
	if e.First, err = h.verdict(h.once(), e.Want, nil, "the first end"); err != nil {
		return err
	}
	if e.First.Answer == Unknown {
		return e // whatever the last answers
	}
	if e.Last, err = h.verdict(h.once(), h.goal, h.Changes, "the last end"); err != nil {
		return err
	}
	if e.First.Answer != e.Want || e.Last.Answer != h.goal {
		return e
	}
	return nil
}

// search finds a minimal subset of changes that leads to the goal, as all of them do. If
// answers were missing, doubt says what is uncertain.
func (h *attempt) search(changes []string) (found []string, doubt string, err error) {
	var groups [][]string
	among := changes
	for {
		got, err := h.ask(h.once(), h.goal, found, "is it %v alone", found)
		if err != nil {
			return nil, "", err
		}
		if got == h.goal || len(changes) == 0 {
			break
		}
		lo, hi, err := h.boundary(changes, func(lo, mid, hi int) (Answer, error) {
			likely := other(h.goal)
			if h.mass(changes[lo:mid]) > h.mass(changes[mid:hi]) {
				likely = h.goal
			}
			return h.ask(h.once(), likely, slices.Concat(found, changes[:mid]), "it is among %d changes, trying %d of them", hi-lo, mid-lo)
		})
		if err != nil {
			return nil, "", err
		}
		group := changes[lo:hi]
		groups = append(groups, group)
		found = slices.Concat(found, group)
		if changes, found, err = h.withNeeds(group, changes[:lo], found); err != nil {
			return nil, "", err
		}
	}
	for _, g := range groups {
		if len(g) > 1 {
			if found, err = h.thin(found, g); err != nil {
				return nil, "", err
			}
		}
	}
	if found, doubt, err = h.single(found); err == nil && h.missed {
		return h.nearer(found, among, doubt)
	}
	return found, doubt, err
}

// nearer checks whether another change in among, one that results from those found, is the
// one that matters, which is only possible if answers were missing. Each step drops one
// change for good, so there are at most as many steps as changes, even if two result from
// each other, as members of a Kconfig choice do.
func (h *attempt) nearer(found, among []string, doubt string) ([]string, string, error) {
	for {
		from, others, unsure, err := h.instead(found, among)
		if err != nil {
			return nil, "", err
		}
		if unsure != "" {
			doubt = unsure
		}
		if from == "" {
			return found, doubt, nil
		}
		among = without(among, from)
		if found, err = h.thin(others, others); err != nil {
			return nil, "", err
		}
		if found, doubt, err = h.single(found); err != nil {
			return nil, "", err
		}
	}
}

// instead looks for a change among those found that is not needed: the others that result
// from it lead to the goal without it.
func (h *attempt) instead(found, among []string) (from string, others []string, doubt string, err error) {
	all, err := h.settle(h.ctx, found)
	if err != nil {
		return "", nil, "", err
	}
	came := members(all.Effective)
	with := slices.DeleteFunc(slices.Clone(among), func(c string) bool { return !came[c] })
	for _, c := range found {
		others := without(with, c)
		if len(others) < len(found) {
			continue
		}
		got, err := h.ask(h.once(), other(h.goal), others, "what results from %s, without it", c)
		if err != nil {
			return "", nil, "", err
		}
		if got == h.goal {
			return c, others, doubt, nil
		}
		if got == Unknown {
			doubt = fmt.Sprintf("no answer with what results from %s, but without it", c)
		}
	}
	return "", nil, doubt, nil
}

// boundary finds a place in changes where the next one leads to the goal: none of them does
// not, and all do. Try gets the number mid of leading changes to try, and the range the place
// is known to be in. Without an answer, the place is somewhere between lo and hi.
func (h *attempt) boundary(changes []string, try func(lo, mid, hi int) (Answer, error)) (lo, hi int, err error) {
	lo, hi = 0, len(changes)
	for hi-lo > 1 {
		got := Unknown
		for _, mid := range h.splits(changes, lo, hi) {
			if got, err = try(lo, mid, hi); err != nil {
				return 0, 0, err
			}
			if got == h.goal {
				hi = mid
			} else if got != Unknown {
				lo = mid
			}
			if got != Unknown {
				break
			}
		}
		if got == Unknown {
			break
		}
	}
	return lo, hi, nil
}

// splits returns the places to try between lo and hi: first where both sides are about
// equally likely, then, in case there is no answer, others spread over the range.
func (h *attempt) splits(changes []string, lo, hi int) []int {
	best, half, sum := lo+1, h.mass(changes[lo:hi])/2, 0.0
	nearest := half
	for i := lo + 1; i < hi; i++ {
		sum += h.weight(changes[i-1])
		if d := max(sum-half, half-sum); d < nearest {
			best, nearest = i, d
		}
	}
	places := []int{best}
	for queue := [][2]int{{lo, best}, {best, hi}}; len(queue) > 0 && len(places) <= patience; queue = queue[1:] {
		a, b := queue[0][0], queue[0][1]
		if mid := (a + b) / 2; mid > a {
			places = append(places, mid)
			queue = append(queue, [2]int{a, mid}, [2]int{mid, b})
		}
	}
	return places
}

func (h *attempt) mass(changes []string) float64 {
	sum := 0.0
	for _, c := range changes {
		sum += h.weight(c)
	}
	return sum
}

// withNeeds moves from changes to found what the changes of a group need to take effect.
// That needs no answer.
func (h *attempt) withNeeds(group, changes, found []string) (left, with []string, err error) {
	for _, c := range group {
		more, err := h.free(changes, func(set []string) (bool, error) {
			s, err := h.settle(h.ctx, slices.Concat(found, set))
			return slices.Contains(s.Effective, c), err
		})
		if err != nil {
			return nil, nil, err
		}
		found = slices.Concat(found, more)
		changes = without(changes, more...)
	}
	return changes, found, nil
}

// free finds a minimal subset of changes for which a condition on the .config is true, and
// nothing if it is false even for all. It needs no kernel.
func (h *attempt) free(changes []string, is func(set []string) (bool, error)) (least []string, err error) {
	if ok, err := is(changes); !ok || err != nil {
		return nil, err
	}
	for left := changes; len(left) > 0; {
		if ok, err := is(least); ok || err != nil {
			return least, err
		}
		lo, _, err := h.boundary(left, func(_, mid, _ int) (Answer, error) {
			ok, err := is(slices.Concat(least, left[:mid]))
			return map[bool]Answer{true: h.goal, false: other(h.goal)}[ok], err
		})
		if err != nil {
			return nil, err
		}
		least = append(slices.Clone(least), left[lo])
		left = left[:lo]
	}
	return least, nil
}

// thin removes as many changes in some as possible from found, by halves.
func (h *attempt) thin(found, some []string) ([]string, error) {
	fewer := without(found, some...)
	got, err := h.ask(h.once(), other(h.goal), fewer, "without %d of %d changes", len(some), len(found))
	switch {
	case err != nil:
		return nil, err
	case got == h.goal:
		return fewer, nil
	case len(some) == 1:
		return found, nil
	}
	for _, half := range [][]string{some[len(some)/2:], some[:len(some)/2]} { // first those that others result from
		if found, err = h.thin(found, half); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// single removes one change at a time until each of the rest has been seen to be needed.
// Doubt says where there was no answer.
func (h *attempt) single(found []string) (kept []string, doubt string, err error) {
	got, err := h.ask(h.once(), h.goal, found, "is it %v", found)
	if err == nil && got != h.goal {
		doubt = fmt.Sprintf("no answer with %v", found)
	}
	kept = found
	for i := 0; i < len(kept) && err == nil; i++ {
		fewer := without(kept, kept[i])
		needed := false
		if !h.strict {
			needed, err = h.needed(kept, kept[i])
		}
		switch {
		case err != nil:
		case needed: // it can only go after those that need it
			got, err = h.known(fewer)
		default:
			got, err = h.ask(h.once(), other(h.goal), fewer, "without %s", kept[i])
		}
		switch {
		case err == nil && got == h.goal:
			kept, doubt, i = fewer, "", -1 // what was needed before may not be now
		case err == nil && got == Unknown && !needed:
			doubt = fmt.Sprintf("no answer with %v without %s", kept, kept[i])
		}
	}
	return kept, doubt, err
}

// needed reports whether another change of a set has no effect without this one, but not
// the reverse: changes that need each other do not count.
func (h *attempt) needed(set []string, change string) (bool, error) {
	falling, err := h.falling(set, change)
	if err != nil {
		return false, err
	}
	for o := range falling {
		if back, err := h.falling(set, o); err != nil || !back[change] {
			return err == nil, err
		}
	}
	return false, nil
}

// falling returns the changes of a set that have no effect without one of them, those that
// have none without those, and so on.
func (h *attempt) falling(set []string, change string) (map[string]bool, error) {
	all, err := h.settle(h.ctx, set)
	if err != nil {
		return nil, err
	}
	came, falling := members(all.Effective), map[string]bool{}
	for queue := []string{change}; len(queue) > 0; queue = queue[1:] {
		fewer, err := h.settle(h.ctx, without(set, queue[0]))
		if err != nil {
			return nil, err
		}
		still := members(fewer.Effective)
		for _, o := range set {
			if o != queue[0] && came[o] && !still[o] && !falling[o] {
				falling[o] = true
				queue = append(queue, o)
			}
		}
	}
	return falling, nil
}

// known returns the answer of a set if it is known.
func (h *attempt) known(set []string) (Answer, error) {
	c, err := h.settle(h.ctx, set)
	if err != nil || len(h.answers[c.Key]) == 0 {
		return Unknown, err
	}
	return h.ask(1, Unknown, set, "")
}

func without(set []string, some ...string) []string {
	in := members(some)
	return slices.DeleteFunc(slices.Clone(set), func(c string) bool { return in[c] })
}

func members(set []string) map[string]bool {
	in := make(map[string]bool, len(set))
	for _, c := range set {
		in[c] = true
	}
	return in
}

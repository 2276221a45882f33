package search

import (
	"context"
	"fmt"
	"slices"
)

// patience is how many candidates without an answer are put up with at one place before
// the search goes on with all the changes there as one.
const patience = 6

// attempt is one run of a search, from the start to the first answer that is not known.
type attempt struct {
	*Space
	ctx     context.Context
	answers Answers
	goal    Answer // of the last end
	missed  bool   // there was a candidate without an answer
	strict  bool   // try also without what is only there since others need it
}

// ask returns the answer of a set, of which there must be so many verdicts.
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
		return Reply{}, &Ask{c}
	}
	for _, v := range got[1:] {
		if v.Answer != got[0].Answer {
			h.missed = true
			return Reply{Unknown, fmt.Sprintf("once %s, and then %s", got[0].Answer, v.Answer)}, nil
		}
	}
	h.missed = h.missed || got[0].Answer == Unknown
	return got[0], nil
}

// once and sure are how many verdicts a candidate must have while the search goes on, and
// when it ends.
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
		return e // whatever the last says
	}
	if e.Last, err = h.verdict(h.once(), h.goal, h.Changes, "the last end"); err != nil {
		return err
	}
	if e.First.Answer != e.Want || e.Last.Answer != h.goal {
		return e
	}
	return nil
}

// search finds a least part of changes that brings the goal about; all of them do. Where
// answers were missing, doubt says what may be otherwise.
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

// nearer looks for the change that matters among those that come with the ones found, and
// are among some. Only where answers were missing can that be another. Every step leaves one change behind for
// good, so there are no more steps than changes, also where two bring each other about, as
// members of a Kconfig choice do.
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

// instead looks for one of the changes found without which the others that come with it
// bring the goal about too.
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
		got, err := h.ask(h.once(), other(h.goal), others, "what comes with %s, without it", c)
		if err != nil {
			return "", nil, "", err
		}
		if got == h.goal {
			return c, others, doubt, nil
		}
		if got == Unknown {
			doubt = fmt.Sprintf("no answer was to be had with what comes with %s, and without it", c)
		}
	}
	return "", nil, doubt, nil
}

// boundary finds a place in changes at which the next of them brings the goal about, as
// none of them does and all do: try is asked of the first mid of them, and of which part
// the place is known to be in. Where no answer is to be had, the place is between lo and hi.
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

// splits returns the places between lo and hi to be tried: first where what is on either
// side is most nearly as likely, then, should there be no answer, others all over.
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

// withNeeds moves from changes to found what the changes of a group need to come about at
// all. That takes no answer.
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

// free finds the least of changes with which something is so, and none where it is not so
// even with all. It is decided by .configs alone, and costs nothing.
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

// thin leaves out of found what it can of some, by halves.
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
	for _, half := range [][]string{some[len(some)/2:], some[:len(some)/2]} { // first those that others come with
		if found, err = h.thin(found, half); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// single leaves out one change at a time, until each of those left has been seen to be
// needed. The doubt is of which there was no answer.
func (h *attempt) single(found []string) (kept []string, doubt string, err error) {
	got, err := h.ask(h.once(), h.goal, found, "is it %v", found)
	if err == nil && got != h.goal {
		doubt = fmt.Sprintf("no answer was to be had with %v", found)
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
		case needed: // without those that need it less goes than without it
			got, err = h.known(fewer)
		default:
			got, err = h.ask(h.once(), other(h.goal), fewer, "without %s", kept[i])
		}
		switch {
		case err == nil && got == h.goal:
			kept, doubt, i = fewer, "", -1 // what was needed before may not be now
		case err == nil && got == Unknown && !needed:
			doubt = fmt.Sprintf("no answer was to be had with %v less %s", kept, kept[i])
		}
	}
	return kept, doubt, err
}

// needed reports whether another change of a set does not come about without this one, of
// which that is not so the other way round: of changes that need each other none is only
// there for the others.
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

// falling returns the changes of a set that do not come about without one of them, those that
// do not come about without those, and so on.
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

// known returns the answer that is there of a set already.
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

// Package search finds which of many changes between two .configs matter. It runs on the
// host and is pure: what a set of changes comes to, and what a kernel with them answers,
// it is told. It builds and boots nothing.
//
// Bisect finds the least set of changes that makes what passes fail, several where they do
// it only together, and each where several do it alone. Minimize finds the least set
// without which what is required fails. Both are the same search: for the least set that
// brings another answer about, from which none can be left out.
//
// A search is a function of the answers that are known. It is run from the start each time
// one more is, and says which it needs next. So it goes on where it was interrupted, can
// say beforehand what it will ask, and what it will ask next for either answer.
//
// Kconfig couples changes: what depends on a symbol goes with it, and what a symbol needs
// must come first. Sets that come to a .config seen before have its answer and cost
// nothing. No answer is taken for granted because another set has one, except where the
// search has to choose what to try next; what it finds is tried as such in the end.
package search

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Answer is what a kernel has to say. The zero value is no answer: the rig failed, the
// guest did not come far enough to say, or one time it said this and another that.
type Answer int8

// The answers.
const (
	Unknown Answer = iota
	Pass
	Fail
)

// String returns unknown, pass or fail.
func (a Answer) String() string { return []string{"unknown", "pass", "fail"}[a] }

// MarshalText writes an answer as String does.
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (a *Answer) UnmarshalText(text []byte) error {
	i := slices.Index([]string{"unknown", "pass", "fail"}, string(text))
	if i < 0 {
		return fmt.Errorf("parsing an answer: %.40q is none", text)
	}
	*a = Answer(i)
	return nil
}

// Reply is an answer, with what decided it in words.
type Reply struct {
	Answer Answer `json:"answer"`
	Note   string `json:"note,omitempty"`
}

// Answers are all verdicts there are, by the key of the candidate and in the order in
// which they were given. Those of one key that are not all the same are no answer.
type Answers map[string][]Reply

// with returns the answers and one more.
func (a Answers) with(key string, v Reply) Answers {
	more := Answers{}
	for k, all := range a {
		more[k] = all
	}
	more[key] = append(slices.Clone(a[key]), v)
	return more
}

// Candidate is a set of changes that is to be tried.
type Candidate struct {
	// Key names what it comes to; sets that come to the same have the same.
	Key string `json:"key"`
	// Set are the changes asked for, in the order of those of the space, and Effective all
	// that come about then.
	Set       []string `json:"set"`
	Effective []string `json:"effective"`
	// Again is how many verdicts there are of it already: it is asked again to be sure.
	Again int `json:"again,omitempty"`
	// Why says what for.
	Why string `json:"why"`

	likely Answer // the one to be prepared for
}

// Ask is the error by which a search says that it needs an answer to go on.
type Ask struct{ Candidate }

// Error names the candidate.
func (a *Ask) Error() string { return "the answer of " + a.Key + " is not known: " + a.Why }

// Space is what is searched.
type Space struct {
	// Changes lead from the first end, which has none of them, to the last, which has all.
	// They are best in the order of Order. Those tried first stand first.
	Changes []string
	// Settle says what a set of changes comes to: a name for it, and which of Changes.
	Settle func(ctx context.Context, set []string) (key string, effective []string, err error)
	// Weight is how likely a change is to matter, compared with the others; nil means that
	// all are alike.
	Weight func(change string) float64
	// Repeat is how often a candidate is asked before its answer counts; 0 means once.
	Repeat int

	at      map[string]int // the places of the changes
	settled map[string]Candidate
}

// settle returns the candidate for a set. All that a search does goes through here, so a
// context that has ended ends it.
func (s *Space) settle(ctx context.Context, set []string) (Candidate, error) {
	if err := ctx.Err(); err != nil {
		return Candidate{}, err
	}
	if s.at == nil {
		s.at, s.settled = map[string]int{}, map[string]Candidate{}
		for i, c := range s.Changes {
			s.at[c] = i
		}
	}
	bits := make([]byte, len(s.Changes)/8+1)
	for _, c := range set {
		bits[s.at[c]/8] |= 1 << (s.at[c] % 8)
	}
	if c, ok := s.settled[string(bits)]; ok {
		return c, nil
	}
	set = slices.DeleteFunc(slices.Clone(s.Changes), func(c string) bool { return bits[s.at[c]/8]>>(s.at[c]%8)&1 == 0 })
	key, effective, err := s.Settle(ctx, set)
	if err != nil {
		return Candidate{}, err
	}
	c := Candidate{Key: key, Set: set, Effective: effective}
	s.settled[string(bits)] = c
	return c, nil
}

func (s *Space) weight(change string) float64 {
	if s.Weight == nil {
		return 1
	}
	return s.Weight(change)
}

// Order puts changes into the order in which they are best tried: the likely ones first,
// each after those that must come before it. Those are, of what is switched off, all that
// depends on it, which would go with it; of what is switched on, all that it needs.
func Order(changes []string, before func(change string) []string, weight func(change string) float64) []string {
	wanted := members(changes)
	var order []string
	seen := map[string]bool{}
	var visit func(c string)
	visit = func(c string) {
		if seen[c] || !wanted[c] {
			return
		}
		seen[c] = true
		for _, b := range before(c) {
			visit(b)
		}
		order = append(order, c)
	}
	likely := slices.Clone(changes)
	slices.SortStableFunc(likely, func(a, b string) int {
		if d := weight(b) - weight(a); d != 0 {
			return map[bool]int{true: 1, false: -1}[d > 0]
		}
		return 0
	})
	for _, c := range likely {
		visit(c)
	}
	return order
}

// EndsError says that there is nothing to search, or that it would be searched the wrong
// way round.
type EndsError struct {
	// Same: the ends are one and the same .config.
	Same bool
	// First and Last are the verdicts of the ends, the second with all changes.
	First, Last Reply
	// Want is what First should have been.
	Want Answer
}

// Reversed reports whether each end answers as the other should.
func (e *EndsError) Reversed() bool {
	return !e.Same && e.First.Answer == other(e.Want) && e.Last.Answer == e.Want
}

// Error says what is wrong with the ends.
func (e *EndsError) Error() string {
	switch {
	case e.Same:
		return "the two come to the same .config"
	case e.Reversed():
		return "the two are the wrong way round"
	}
	return fmt.Sprintf("the first is to %s and does %s (%s), the second is to %s and does %s (%s)",
		e.Want, e.First.Answer, e.First.Note, other(e.Want), e.Last.Answer, e.Last.Note)
}

// ErrFlaky is the error of a search whose candidates answered now this and now that.
var ErrFlaky = errors.New("the same kernels answer now this and now that")

// mostFlaky is how many such candidates a search puts up with.
const mostFlaky = 3

// check counts them.
func (a Answers) check() error {
	n := 0
	for _, all := range a {
		if slices.ContainsFunc(all, func(v Reply) bool { return v.Answer != all[0].Answer }) {
			n++
		}
	}
	if n > mostFlaky {
		return fmt.Errorf("%w: %d of %d did", ErrFlaky, n, len(a))
	}
	return nil
}

func other(a Answer) Answer {
	switch a {
	case Pass:
		return Fail
	case Fail:
		return Pass
	}
	return Unknown
}

// Package search finds which of many changes between two .configs matter. It runs on the
// host and is pure: its caller tells it which .config a set of changes leads to, and what a
// kernel with them answers. It builds and boots nothing.
//
// Bisect finds a minimal set of changes that turns pass into fail: several changes if only
// their combination does it, and several sets if each does it alone. Minimize finds a
// minimal set of changes that a requirement needs. Both are the same search, for a set that
// changes the answer and from which no change can be removed.
//
// A search is a function of the known answers. It runs from the start after each new answer
// and returns the next question. So it can be interrupted, and it can predict what it will
// ask and what it will ask after either answer.
//
// Kconfig couples changes: switching a symbol off removes what depends on it, and a symbol
// needs its dependencies first. Sets that lead to a known .config share its answer and cost
// nothing. An answer is inferred from another set only to choose what to try next; the
// result itself is always tried.
package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Answer is the answer of a kernel. The zero value means none: the infrastructure failed,
// the guest did not get far enough, or its answers varied.
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
		return fmt.Errorf("parsing an answer: %.40q is not pass, fail or unknown", text)
	}
	*a = Answer(i)
	return nil
}

// Reply is an answer and, in words, what decided it.
type Reply struct {
	Answer Answer `json:"answer"`
	Note   string `json:"note,omitempty"`
}

// Answers are all known replies by candidate key, in the order in which they came.
// Replies of one key that differ count as no answer.
type Answers map[string][]Reply

// with returns a copy with one more verdict.
func (a Answers) with(key string, v Reply) Answers {
	more := maps.Clone(a)
	more[key] = append(slices.Clone(a[key]), v)
	return more
}

// Candidate is a set of changes to try.
type Candidate struct {
	// Key identifies the resulting .config.
	Key string `json:"key"`
	// Set are the requested changes, in the order of the space, and Effective all changes
	// that result.
	Set       []string `json:"set"`
	Effective []string `json:"effective"`
	// Again is the number of replies it already has: it is asked again to be sure.
	Again int `json:"again,omitempty"`
	// Why says what it is tried for.
	Why string `json:"why"`

	likely Answer // to prepare for
}

// NeedAnswer is the error of a search that needs an answer to continue.
type NeedAnswer struct{ Candidate }

// Error names the candidate.
func (a *NeedAnswer) Error() string { return "the answer of " + a.Key + " is not known: " + a.Why }

// Space is the set of changes that is searched.
type Space struct {
	// Changes lead from the first end, which has none of them, to the last, which has all.
	// They are tried in this order, for which Order is best.
	Changes []string
	// Settle returns what a set of changes leads to: a name for the .config, and which of
	// Changes result.
	Settle func(ctx context.Context, set []string) (key string, effective []string, err error)
	// Weight is the relative likelihood that a change matters; nil means that all are equal.
	Weight func(change string) float64
	// Repeat is how often a candidate is asked before its answer counts; 0 means 1.
	Repeat int

	at      map[string]int // the places of the changes
	settled map[string]Candidate
}

// settle returns the candidate for a set. Every step of a search goes through here, so the
// end of ctx ends the search.
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

// Order sorts changes for a search: the likely ones first, each after those that before
// returns. For a symbol that is switched off these are the symbols that depend on it, and
// for one that is switched on its own dependencies.
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
		return cmp.Compare(weight(b), weight(a))
	})
	for _, c := range likely {
		visit(c)
	}
	return order
}

// EndsError reports that the ends do not answer as a search requires.
type EndsError struct {
	// Same is set if both ends are the same .config.
	Same bool
	// First and Last are the replies of the ends, without and with all changes.
	First, Last Reply
	// Want is the expected answer of the first end.
	Want Answer
}

// Reversed reports whether each end answers as the other should.
func (e *EndsError) Reversed() bool {
	return !e.Same && e.First.Answer == other(e.Want) && e.Last.Answer == e.Want
}

// Error describes what is wrong with the ends.
func (e *EndsError) Error() string {
	switch {
	case e.Same:
		return "the two lead to the same .config"
	case e.Reversed():
		return "the two are the wrong way round"
	}
	return fmt.Sprintf("the first should %s: %s (%s); the second should %s: %s (%s)",
		e.Want, e.First.Answer, e.First.Note, other(e.Want), e.Last.Answer, e.Last.Note)
}

// ErrFlaky is the error of a search whose candidates give inconsistent answers.
var ErrFlaky = errors.New("kernels give inconsistent answers")

// mostFlaky is the number of such candidates that a search tolerates.
const mostFlaky = 3

// check returns ErrFlaky if there are more than mostFlaky.
func (a Answers) check() error {
	n := 0
	for _, all := range a {
		if slices.ContainsFunc(all, func(v Reply) bool { return v.Answer != all[0].Answer }) {
			n++
		}
	}
	if n > mostFlaky {
		return fmt.Errorf("%w: %d of %d do", ErrFlaky, n, len(a))
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

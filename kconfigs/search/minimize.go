package search

import "context"

// Minimum is what Minimize found.
type Minimum struct {
	// Kept are the changes that suffice, in the order of the space.
	Kept []Kept `json:"kept"`
	// Doubt says what could not be verified; empty means that all was: with the changes
	// what is required passes, and with one of them less it fails.
	Doubt string `json:"doubt,omitempty"`
}

// Kept is a change that cannot be left out.
type Kept struct {
	Change string `json:"change"`
	// Without is the verdict of all the others.
	Without Reply `json:"without"`
}

// Minimize finds the least set of changes with which what is required passes. At the first
// end, which has none of them, it fails, and at the last it passes. The error is as that
// of Bisect.
func (s *Space) Minimize(ctx context.Context, answers Answers) (Minimum, error) {
	h := &attempt{Space: s, ctx: ctx, answers: answers, goal: Pass, strict: true}
	var m Minimum
	if err := h.ends(); err != nil {
		return m, err
	}
	found, doubt, err := h.search(s.Changes)
	if err != nil {
		return m, err
	}
	m.Doubt = doubt
	all, err := h.settle(ctx, found)
	if err != nil {
		return m, err
	}
	for _, change := range all.Set {
		v, err := h.verdict(h.once(), Fail, without(found, change), "without %s", change)
		if err != nil {
			return m, err
		}
		m.Kept = append(m.Kept, Kept{change, v})
	}
	return m, h.confirmLeast(found)
}

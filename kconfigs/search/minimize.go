package search

import "context"

// Minimum is what Minimize found.
type Minimum struct {
	// Kept are sufficient changes, in the order of the space.
	Kept []Kept `json:"kept"`
	// Doubt says what could not be verified. Empty means that the requirement passes with
	// these changes and fails without any one of them.
	Doubt string `json:"doubt,omitempty"`
}

// Kept is a change that cannot be removed.
type Kept struct {
	Change string `json:"change"`
	// Without is the verdict of all the others.
	Without Reply `json:"without"`
}

// Minimize finds a minimal set of changes with which a requirement passes. It fails at the
// first end, which has none of them, and passes at the last. Errors are those of Bisect.
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

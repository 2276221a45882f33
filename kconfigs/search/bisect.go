package search

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Bisection is what Bisect found.
type Bisection struct {
	// Culprits each cause the failure alone.
	Culprits []Culprit `json:"culprits"`
	// Doubt says what could not be verified. Empty means that the first end fails with a
	// culprit's changes and passes without any one of them, and that the last end passes once
	// every culprit is reverted.
	Doubt string `json:"doubt,omitempty"`
	// Back are the changes that were reverted for that.
	Back []string `json:"back"`
}

// Culprit is a set of changes from which none can be removed.
type Culprit struct {
	Changes []string `json:"changes"`
	// Needed are further changes without which those would have no effect.
	Needed []string `json:"needed"`
	// Effective are all changes that result.
	Effective []string `json:"effective"`
	// Verdict is that of the first end with them.
	Verdict Reply `json:"verdict"`
}

// Bisect finds the changes that turn a pass at the first end into a fail at the last. The error is
// a *NeedAnswer if an answer is needed, and an *EndsError if the ends do not answer pass and fail.
func (s *Space) Bisect(ctx context.Context, answers Answers) (Bisection, error) {
	h := &attempt{Space: s, ctx: ctx, answers: answers, goal: Fail}
	var b Bisection
	if err := h.ends(); err != nil {
		return b, err
	}
	for rest := s.Changes; ; {
		found, doubt, err := h.search(rest)
		if err != nil {
			return b, err
		}
		b.Doubt = cmp.Or(b.Doubt, doubt)
		c, err := h.culprit(found)
		if err != nil {
			return b, err
		}
		b.Culprits = append(b.Culprits, c)
		back, err := h.back(rest, c)
		if err != nil {
			return b, err
		}
		b.Back = append(b.Back, back...)
		rest = without(rest, back...)
		got, err := h.ask(h.once(), Pass, rest, "the last end without %v", b.Back)
		if err != nil {
			return b, err
		}
		if got == Fail && len(back) > 0 && len(rest) > 0 {
			continue // there is another
		}
		if got != Pass {
			b.Doubt = fmt.Sprintf("no answer for the last end without %v", b.Back)
		}
		return b, h.confirm(b, rest)
	}
}

// culprit separates the changes that matter from those that they only need.
func (h *attempt) culprit(found []string) (c Culprit, err error) {
	all, err := h.settle(h.ctx, found)
	if err != nil {
		return c, err
	}
	c.Needed = []string{}
	for _, change := range found {
		needed, err := h.needed(found, change)
		if err != nil {
			return c, err
		}
		if needed {
			c.Needed = append(c.Needed, change)
		} else {
			c.Changes = append(c.Changes, change)
		}
	}
	c.Effective = all.Effective
	c.Verdict, err = h.verdict(h.once(), Fail, found, "it is %v", found)
	return c, err
}

// back returns the changes to revert so that a culprit is gone.
func (h *attempt) back(changes []string, c Culprit) ([]string, error) {
	others := without(changes, c.Changes...)
	slices.Reverse(others)
	more, err := h.free(others, func(set []string) (bool, error) {
		s, err := h.settle(h.ctx, without(changes, slices.Concat(c.Changes, set)...))
		return !slices.ContainsFunc(c.Changes, func(x string) bool { return slices.Contains(s.Effective, x) }), err
	})
	return slices.Concat(c.Changes, more), err
}

// confirm asks everything once more that the result depends on. If an answer differs, it counts
// as none from then on, and the search continues without it.
func (h *attempt) confirm(b Bisection, rest []string) error {
	for _, c := range b.Culprits {
		found := slices.Concat(c.Changes, c.Needed)
		if err := h.confirmLeast(found); err != nil {
			return err
		}
	}
	_, err := h.ask(h.sure(), Pass, rest, "the last end without %v, again", b.Back)
	return err
}

// confirmLeast asks once more about a set, and about the set without each of its changes.
func (h *attempt) confirmLeast(found []string) error {
	if _, err := h.ask(h.sure(), h.goal, found, "%v, again", found); err != nil {
		return err
	}
	for _, change := range found {
		needed, err := h.needed(found, change)
		if err == nil && (h.strict || !needed) {
			_, err = h.ask(h.sure(), other(h.goal), without(found, change), "without %s, again", change)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

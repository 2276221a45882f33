package search

import (
	"context"
	"errors"
	"slices"
)

// Method is a search: Space.Bisect or Space.Minimize.
type Method[R any] func(ctx context.Context, known Answers) (R, error)

// Asker returns the verdict of a candidate. Ahead returns the candidates that may be asked
// next, the likelier first, so that they can be prepared meanwhile.
type Asker func(ctx context.Context, c Candidate, ahead func() []Candidate) (Reply, error)

// Run searches to the end. Known answers, which may be nil, are not asked again.
func Run[R any](ctx context.Context, next Method[R], known Answers, ask Asker) (R, error) {
	answers := Answers{}
	for key, all := range known {
		answers[key] = slices.Clone(all)
	}
	for {
		r, err := next(ctx, answers)
		need, ok := errors.AsType[*NeedAnswer](err)
		if !ok {
			return r, err
		}
		v, err := ask(ctx, need.Candidate, func() []Candidate { return ahead(ctx, next, answers, need.Candidate) })
		if err != nil {
			return r, err
		}
		answers[need.Key] = append(answers[need.Key], v)
	}
}

// ahead returns what a search asks after each possible answer to a candidate.
func ahead[R any](ctx context.Context, next Method[R], answers Answers, c Candidate) []Candidate {
	var all []Candidate
	for _, a := range []Answer{c.likely, other(c.likely)} {
		_, err := next(ctx, answers.with(c.Key, Reply{Answer: a}))
		if then, ok := errors.AsType[*NeedAnswer](err); ok && then.Key != c.Key {
			all = append(all, then.Candidate)
		}
	}
	return all
}

// Estimate is the number of candidates that a search will ask, without the ends. Each is a
// kernel.
type Estimate struct {
	Least int     `json:"least"`
	Most  int     `json:"most"`
	Mean  float64 `json:"mean"`
}

// sample is the number of changes that a search is simulated with.
const sample = 24

// Expect simulates a search for the goal, with one change after the other as the one that
// matters. The mean is weighted by the likelihood of each.
func Expect[R any](ctx context.Context, s *Space, next Method[R], goal Answer, known Answers) (Estimate, error) {
	var e Estimate
	var sum, weights float64
	for i := 0; i < len(s.Changes); i += 1 + len(s.Changes)/sample {
		change, asked := s.Changes[i], map[string]bool{}
		_, err := Run(ctx, next, nil, func(_ context.Context, c Candidate, _ func() []Candidate) (Reply, error) {
			if len(known[c.Key]) == 0 && len(c.Set) > 0 && len(c.Set) < len(s.Changes) {
				asked[c.Key] = true
			}
			if slices.Contains(c.Effective, change) {
				return Reply{Answer: goal}, nil
			}
			return Reply{Answer: other(goal)}, nil
		})
		if _, never := errors.AsType[*EndsError](err); never {
			continue // the change never takes effect
		}
		if err != nil {
			return e, err
		}
		n := len(asked)
		if weights == 0 || n < e.Least {
			e.Least = n
		}
		e.Most = max(e.Most, n)
		w := s.weight(change)
		sum, weights = sum+w*float64(n), weights+w
	}
	if weights > 0 {
		e.Mean = sum / weights
	}
	return e, nil
}

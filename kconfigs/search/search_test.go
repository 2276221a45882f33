package search_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/search"
)

// each checks a property of many graphs, each made from a seed that a failure names.
func each(t *testing.T, times int, do func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	if testing.Short() {
		times /= 10
	}
	for seed := range times {
		ok := t.Run(fmt.Sprint(seed), func(t *testing.T) { do(t, rand.New(rand.NewPCG(uint64(seed), 1))) })
		if !ok {
			t.FailNow()
		}
	}
}

func TestBisectFindsASingleCulprit(t *testing.T) {
	each(t, 2000, func(t *testing.T, r *rand.Rand) {
		n := 1 + r.IntN(60)
		m := newModel(r, n, 1)
		b, err := search.Run(t.Context(), m.space(1).Bisect, nil, m.ask(search.Fail))
		require.NoError(t, err)
		require.Empty(t, b.Doubt)
		require.Len(t, b.Culprits, 1)
		assert.Equal(t, m.culprits[0], b.Culprits[0].Changes)
		// Halving, the culprit alone, its needs alone, the last end without it, the two ends.
		assert.LessOrEqual(t, len(m.asked), int(math.Ceil(math.Log2(float64(n))))+5)
		checkLeast(t, m, slices.Concat(b.Culprits[0].Changes, b.Culprits[0].Needed))
	})
}

func TestBisectFindsCulpritsThatInteract(t *testing.T) {
	each(t, 2000, func(t *testing.T, r *rand.Rand) {
		n, k := 4+r.IntN(60), 2+r.IntN(3)
		m := newModel(r, n, k)
		b, err := search.Run(t.Context(), m.space(1).Bisect, nil, m.ask(search.Fail))
		require.NoError(t, err)
		require.Empty(t, b.Doubt)
		require.Len(t, b.Culprits, 1)
		assert.Equal(t, m.core(m.culprits[0]), sorted(b.Culprits[0].Changes))
		assert.LessOrEqual(t, len(m.asked), k*(int(math.Ceil(math.Log2(float64(n))))+3)+4)
		checkLeast(t, m, slices.Concat(b.Culprits[0].Changes, b.Culprits[0].Needed))
	})
}

func TestBisectFindsIndependentCulprits(t *testing.T) {
	each(t, 1000, func(t *testing.T, r *rand.Rand) {
		m := newModel(r, 8+r.IntN(80), 1+r.IntN(2), 1+r.IntN(2), 1)
		b, err := search.Run(t.Context(), m.space(1).Bisect, nil, m.ask(search.Fail))
		require.NoError(t, err)
		require.Empty(t, b.Doubt)
		for _, c := range b.Culprits {
			assert.True(t, slices.ContainsFunc(m.culprits, func(w []string) bool {
				return slices.Equal(m.core(w), sorted(c.Changes))
			}), "%v is none of %v", c.Changes, m.culprits)
		}
		all := m.space(1).Changes
		_, left, _ := m.settle(t.Context(), slices.DeleteFunc(slices.Clone(all), func(c string) bool { return slices.Contains(b.Back, c) }))
		assert.False(t, m.fails(left), "without %v it passes", b.Back)
	})
}

// checkLeast checks that no change can be left out.
func checkLeast(t *testing.T, m *model, found []string) {
	t.Helper()
	_, effective, _ := m.settle(t.Context(), found)
	assert.True(t, m.fails(effective))
	for _, c := range found {
		_, effective, _ := m.settle(t.Context(), slices.DeleteFunc(slices.Clone(found), func(x string) bool { return x == c }))
		assert.False(t, m.fails(effective), "%s can be left out of %v", c, found)
	}
}

func TestMinimizeKeepsOnlyWhatIsNeeded(t *testing.T) {
	each(t, 2000, func(t *testing.T, r *rand.Rand) {
		n, k := 4+r.IntN(60), 1+r.IntN(4)
		m := newModel(r, n, k)
		got, err := search.Run(t.Context(), m.space(1).Minimize, nil, m.ask(search.Pass))
		require.NoError(t, err)
		require.Empty(t, got.Doubt)
		var kept []string
		for _, c := range got.Kept {
			kept = append(kept, c.Change)
			assert.Equal(t, search.Fail, c.Without.Answer)
		}
		checkLeast(t, m, kept)
	})
}

// TestRulesThatAreNotMonotone has a failure that further changes hide again.
func TestRulesThatAreNotMonotone(t *testing.T) {
	each(t, 1000, func(t *testing.T, r *rand.Rand) {
		m := newModel(r, 6+r.IntN(60), 1+r.IntN(2))
		hide, unhide := m.names[r.IntN(len(m.names))], m.names[r.IntN(len(m.names))]
		truth := func(effective []string) bool {
			return m.fails(effective) && (!slices.Contains(effective, hide) || slices.Contains(effective, unhide))
		}
		s := m.space(1)
		b, err := search.Run(t.Context(), s.Bisect, nil, func(_ context.Context, c search.Candidate, _ func() []search.Candidate) (search.Reply, error) {
			return search.Reply{Answer: map[bool]search.Answer{true: search.Fail, false: search.Pass}[truth(c.Effective)]}, nil
		})
		require.NoError(t, err)
		for _, c := range b.Culprits {
			found := slices.Concat(c.Changes, c.Needed)
			_, effective, _ := m.settle(t.Context(), found)
			assert.True(t, truth(effective))
			for _, x := range c.Changes {
				_, effective, _ := m.settle(t.Context(), slices.DeleteFunc(slices.Clone(found), func(y string) bool { return x == y }))
				assert.False(t, truth(effective), "%s can be left out of %v", x, found)
			}
		}
	})
}

// TestNoAnswers has kernels without an answer. The result must contain the culprit, and nothing
// else unless it has a doubt.
func TestNoAnswers(t *testing.T) {
	exact := 0
	each(t, 2000, func(t *testing.T, r *rand.Rand) {
		m := newModel(r, 4+r.IntN(80), 1+r.IntN(2))
		m.unknown = 0.05 + 0.4*r.Float64()
		b, err := search.Run(t.Context(), m.space(1).Bisect, nil, m.ask(search.Fail))
		require.NoError(t, err)
		c := b.Culprits[0]
		if c.Verdict.Answer == search.Fail {
			assert.True(t, subset(m.culprits[0], c.Effective))
		} else {
			assert.NotEmpty(t, b.Doubt)
		}
		if b.Doubt == "" {
			exact++
			assert.Len(t, b.Culprits, 1)
			assert.Equal(t, m.core(m.culprits[0]), sorted(c.Changes))
		}
	})
	t.Logf("%d had no doubt", exact)
	if !testing.Short() {
		assert.Greater(t, exact, 700, "many are found all the same")
	}
}

// TestFlakyAnswers has kernels that sometimes answer wrongly. A result without doubt is right,
// unless a kernel answered wrongly each time.
func TestFlakyAnswers(t *testing.T) {
	for repeat, mostWrong := range map[int]int{1: 5, 2: 0} {
		t.Run(fmt.Sprint(repeat), func(t *testing.T) {
			right, wrong, doubted := 0, 0, 0
			each(t, 1000, func(t *testing.T, r *rand.Rand) {
				m := newModel(r, 4+r.IntN(60), 1+r.IntN(2))
				m.flaky = 0.02
				b, err := search.Run(t.Context(), m.space(repeat).Bisect, nil, m.ask(search.Fail))
				switch {
				case err != nil:
					require.True(t, errors.Is(err, search.ErrFlaky) || errors.As(err, new(*search.EndsError)), "%v", err)
					doubted++
				case b.Doubt != "":
					doubted++
				case len(b.Culprits) == 1 && slices.Equal(m.core(m.culprits[0]), sorted(b.Culprits[0].Changes)):
					right++
				default:
					wrong++
				}
			})
			t.Logf("asked %d times at least, of which 1 in 50 is wrong: %d right, %d in doubt, %d wrong", repeat, right, doubted, wrong)
			assert.LessOrEqual(t, wrong, mostWrong)
			assert.Greater(t, right, doubted)
		})
	}
}

func TestLikelyCulpritsCostLess(t *testing.T) {
	each(t, 300, func(t *testing.T, r *rand.Rand) {
		m := newModel(r, 100+r.IntN(200), 1)
		m.weights[m.culprits[0][0]] = float64(len(m.names) * 4)
		b, err := search.Run(t.Context(), m.space(1).Bisect, nil, m.ask(search.Fail))
		require.NoError(t, err)
		assert.Equal(t, m.culprits[0], b.Culprits[0].Changes)
		assert.LessOrEqual(t, len(m.asked), 6, "two ends, with and without it, alone, and the rest")
	})
}

func TestInterruptedSearchGoesOn(t *testing.T) {
	each(t, 300, func(t *testing.T, r *rand.Rand) {
		m := newModel(r, 4+r.IntN(60), 2)
		whole, err := search.Run(t.Context(), m.space(1).Bisect, nil, m.ask(search.Fail))
		require.NoError(t, err)
		asks := m.asks
		stop, known, left := errors.New("interrupted"), search.Answers{}, r.IntN(asks)
		cut := func(ctx context.Context, c search.Candidate, ahead func() []search.Candidate) (search.Reply, error) {
			if left--; left < 0 {
				return search.Reply{}, stop
			}
			v, err := m.ask(search.Fail)(ctx, c, ahead)
			known[c.Key] = append(known[c.Key], v)
			return v, err
		}
		m.asks = 0
		_, err = search.Run(t.Context(), m.space(1).Bisect, nil, cut)
		require.ErrorIs(t, err, stop)
		again, err := search.Run(t.Context(), m.space(1).Bisect, known, m.ask(search.Fail))
		require.NoError(t, err)
		assert.Equal(t, whole, again)
		assert.Equal(t, asks, m.asks, "nothing was asked twice")
	})
}

// TestAhead checks that the next candidate is always among those that were predicted.
func TestAhead(t *testing.T) {
	each(t, 200, func(t *testing.T, r *rand.Rand) {
		m := newModel(r, 4+r.IntN(60), 2)
		var named []search.Candidate
		first, second, asks := 0, 0, 0
		_, err := search.Run(t.Context(), m.space(1).Bisect, nil, func(ctx context.Context, c search.Candidate, ahead func() []search.Candidate) (search.Reply, error) {
			if asks++; asks > 1 && c.Again == 0 {
				i := slices.IndexFunc(named, func(n search.Candidate) bool { return n.Key == c.Key })
				require.GreaterOrEqual(t, i, 0, "%s was not named", c.Key)
				first, second = first+1-i, second+i
			}
			named = ahead()
			return m.ask(search.Fail)(ctx, c, ahead)
		})
		require.NoError(t, err)
		assert.Positive(t, first)
	})
}

func TestEnds(t *testing.T) {
	m := newModel(rand.New(rand.NewPCG(1, 1)), 10, 1)
	run := func(settle func(context.Context, []string) (string, []string, error), first, last search.Answer) *search.EndsError {
		s := m.space(1)
		s.Settle = settle
		_, err := search.Run(t.Context(), s.Bisect, nil, func(_ context.Context, c search.Candidate, _ func() []search.Candidate) (search.Reply, error) {
			if len(c.Set) == 0 {
				return search.Reply{Answer: first}, nil
			}
			require.Len(t, c.Set, 10, "only the ends are asked")
			return search.Reply{Answer: last}, nil
		})
		var e *search.EndsError
		require.ErrorAs(t, err, &e)
		return e
	}
	same := func(context.Context, []string) (string, []string, error) { return "", nil, nil }
	assert.True(t, run(same, search.Pass, search.Fail).Same)
	assert.True(t, run(m.settle, search.Fail, search.Pass).Reversed())
	for _, both := range []search.Answer{search.Unknown, search.Pass, search.Fail} {
		e := run(m.settle, both, both)
		assert.False(t, e.Reversed() || e.Same)
		assert.Contains(t, e.Error(), both.String())
	}
	assert.False(t, run(m.settle, search.Pass, search.Unknown).Reversed())
	assert.Zero(t, run(m.settle, search.Unknown, search.Fail).Last, "it is not asked in vain")
}

func TestExpect(t *testing.T) {
	each(t, 50, func(t *testing.T, r *rand.Rand) {
		m := newModel(r, 20, 1)
		s := m.space(1)
		e, err := search.Expect(t.Context(), s, s.Bisect, search.Fail, nil)
		require.NoError(t, err)
		_, err = search.Run(t.Context(), m.space(1).Bisect, nil, m.ask(search.Fail))
		require.NoError(t, err)
		built := len(m.asked) - 2
		assert.True(t, e.Least <= built && built <= e.Most, "%d is not between %d and %d", built, e.Least, e.Most)
		assert.True(t, float64(e.Least) <= e.Mean && e.Mean <= float64(e.Most))
	})
}

func TestAnswerText(t *testing.T) {
	for _, a := range []search.Answer{search.Unknown, search.Pass, search.Fail} {
		text, err := a.MarshalText()
		require.NoError(t, err)
		var back search.Answer
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, a, back)
	}
	assert.Error(t, new(search.Answer).UnmarshalText([]byte("perhaps")))
}

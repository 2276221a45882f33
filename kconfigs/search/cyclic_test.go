package search_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/search"
)

// knot is a graph that is possible in Kconfig but not made by newModel: it has symbols that need
// each other, and choices. The failure need not be monotone.
type knot struct {
	names   []string
	needs   map[string][]string // with cycles: nothing comes about without all of its own
	takes   map[string][]string // with cycles: what comes about takes all of its own along
	choices [][]string          // of those set the last counts, and the others do not come about
	truth   func(key string, effective []string) bool

	unknown, flaky float64
	random         *rand.Rand
	asks           int
	cancel         func() // called at question number at
	at             int
	given          search.Answers
}

// newKnot makes a graph with at least one cycle and one choice.
func newKnot(r *rand.Rand) *knot {
	n := 4 + r.IntN(14)
	k := &knot{needs: map[string][]string{}, takes: map[string][]string{}, random: r, given: search.Answers{}}
	for i := range n {
		k.names = append(k.names, fmt.Sprintf("S%d", i))
	}
	pick := func(most int) []string {
		var some []string
		for _, i := range r.Perm(n)[:2+r.IntN(most-1)] {
			some = append(some, k.names[i])
		}
		return some
	}
	for range r.IntN(n) {
		edges := []map[string][]string{k.needs, k.takes}[r.IntN(2)]
		p := pick(2)
		edges[p[0]] = append(edges[p[0]], p[1])
	}
	for range 1 + r.IntN(3) {
		edges := []map[string][]string{k.needs, k.takes}[r.IntN(2)]
		ring := pick(4)
		for i, name := range ring {
			edges[name] = append(edges[name], ring[(i+1)%len(ring)])
		}
	}
	for range 1 + r.IntN(2) {
		if members := pick(4); r.IntN(2) == 0 {
			k.choices = append(k.choices, members)
		} else { // one member of a choice replaces another: both are one change
			for i, name := range members {
				k.takes[name] = append(k.takes[name], members[(i+1)%len(members)])
			}
		}
	}
	k.truth = k.failure(r, pick)
	return k
}

// failure returns the function that decides between pass and fail: it depends mostly on some
// effective symbols, sometimes on the absence of another, and is sometimes nonsense.
func (k *knot) failure(r *rand.Rand, pick func(int) []string) func(string, []string) bool {
	first, _, _ := k.settle(context.Background(), nil)
	last, all, _ := k.settle(context.Background(), k.names)
	some := func(most int) []string {
		if len(all) == 0 {
			return nil
		}
		var c []string
		for range 1 + r.IntN(most) {
			c = append(c, all[r.IntN(len(all))])
		}
		return c
	}
	culprits := [][]string{some(3)}
	if r.IntN(3) == 0 {
		culprits = append(culprits, some(2))
	}
	hidden, salt, kind := pick(2), r.Uint32(), r.IntN(4)
	return func(key string, effective []string) bool {
		if key == first || key == last {
			return key == last
		}
		switch kind {
		case 0:
			return (sum(key)^salt)%3 == 0
		case 1:
			if slices.Contains(effective, hidden[0]) && !slices.Contains(effective, hidden[1]) {
				return false
			}
		}
		return slices.ContainsFunc(culprits, func(c []string) bool { return subset(c, effective) })
	}
}

func sum(key string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(key))
	return h.Sum32() >> 3
}

// settle returns the effective changes: of each choice the last one that is set, with all that
// depends on it, minus those that lack something that they need. Symbols that need each other
// appear together.
func (k *knot) settle(_ context.Context, set []string) (string, []string, error) {
	now := map[string]bool{}
	for _, name := range set {
		now[name] = true
	}
	for _, members := range k.choices {
		last := ""
		for _, name := range members {
			if now[name] {
				last = name
			}
			delete(now, name)
		}
		if last != "" {
			now[last] = true
		}
	}
	for _, name := range slices.Collect(maps.Keys(now)) {
		maps.Copy(now, reach(name, k.takes))
	}
	for gone := true; gone; {
		gone = false
		for name := range now {
			if slices.ContainsFunc(k.needs[name], func(need string) bool { return !now[need] }) {
				delete(now, name)
				gone = true
			}
		}
	}
	var effective []string
	for _, name := range k.names {
		if now[name] {
			effective = append(effective, name)
		}
	}
	return strings.Join(effective, " "), effective, nil
}

func (k *knot) space() *search.Space {
	return &search.Space{Changes: search.Order(k.names, func(c string) []string { return k.needs[c] }, func(string) float64 { return 1 }),
		Settle: k.settle, Repeat: k.random.IntN(3)}
}

// errTooMany ends a search that would never end.
var errTooMany = errors.New("too many questions")

// most is the number of questions that a search may ask: a few for each pair of changes.
func (k *knot) most() int { return 100 + 3*len(k.names)*len(k.names) }

func (k *knot) ask(goal search.Answer) search.Asker {
	return func(_ context.Context, c search.Candidate, _ func() []search.Candidate) (v search.Reply, err error) {
		if k.asks++; k.asks > k.most() {
			return v, errTooMany
		}
		if k.asks == k.at {
			k.cancel()
		}
		key, _, _ := k.settle(context.Background(), nil)
		last, _, _ := k.settle(context.Background(), k.names)
		switch end := c.Key == key || c.Key == last; {
		case !end && float64(sum(c.Key+"?")%1000) < 1000*k.unknown:
		case k.truth(c.Key, c.Effective) != (k.random.Float64() < k.flaky):
			v.Answer = goal
		default:
			v.Answer = search.Pass + search.Fail - goal
		}
		k.given[c.Key] = append(k.given[c.Key], v)
		return v, nil
	}
}

// said returns the answer for a set, if there is one.
func (k *knot) said(set []string) search.Answer {
	key, _, _ := k.settle(context.Background(), set)
	all := k.given[key]
	if len(all) == 0 || slices.ContainsFunc(all, func(v search.Reply) bool { return v.Answer != all[0].Answer }) {
		return search.Unknown
	}
	return all[0].Answer
}

func less(set []string, some ...string) []string {
	return slices.DeleteFunc(slices.Clone(set), func(c string) bool { return slices.Contains(some, c) })
}

// endings are the errors of a search without a result.
func endings(err error) bool {
	return errors.Is(err, search.ErrFlaky) || errors.As(err, new(*search.EndsError))
}

// TestKnots searches graphs with cycles and choices, with missing and wrong answers. Every search
// ends, and no answer contradicts its result; if no answer is missing or wrong, the result is
// right and without doubt; and a search whose context ends asks nothing more.
func TestKnots(t *testing.T) {
	graphs, doubted, ended, cancelled := 12000, 0, 0, 0
	if testing.Short() {
		graphs /= 10
	}
	for seed := range graphs {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		k := newKnot(r)
		if r.IntN(2) == 0 {
			k.unknown = 0.6 * r.Float64()
		}
		if r.IntN(4) == 0 {
			k.flaky = 0.1 * r.Float64()
		}
		ctx, cancel := context.WithCancel(t.Context())
		if r.IntN(5) == 0 {
			k.at, k.cancel = 1+r.IntN(12), cancel
		}
		var err error
		doubt := ""
		if r.IntN(3) > 0 {
			var b search.Bisection
			if b, err = search.Run(ctx, k.space().Bisect, nil, k.ask(search.Fail)); err == nil {
				doubt = b.Doubt
				checkKnot(t, k, b, seed)
			}
		} else {
			var m search.Minimum
			if m, err = search.Run(ctx, k.space().Minimize, nil, k.ask(search.Pass)); err == nil {
				doubt = m.Doubt
				checkKnotKept(t, k, m, seed)
			}
		}
		if k.at > 0 && k.asks >= k.at {
			require.ErrorIs(t, err, context.Canceled, "graph %d", seed)
			require.Equal(t, k.at, k.asks, "graph %d is asked on", seed)
			cancelled++
			cancel()
			continue
		}
		cancel()
		require.True(t, err == nil || endings(err), "graph %d: %v", seed, err)
		if k.flaky == 0 && k.unknown == 0 {
			same := errors.As(err, new(*search.EndsError))
			require.True(t, err == nil && doubt == "" || same, "graph %d: %v, %q", seed, err, doubt)
		}
		if err != nil {
			ended++
		} else if doubt != "" {
			doubted++
		}
	}
	t.Logf("%d graphs: %d in doubt, %d without a result, %d cancelled", graphs, doubted, ended, cancelled)
	require.Greater(t, graphs, 2*(doubted+ended+cancelled), "most have a result without a doubt")
}

// checkKnot compares the result with the answers.
func checkKnot(t *testing.T, k *knot, b search.Bisection, seed int) {
	t.Helper()
	require.NotEmpty(t, b.Culprits, "graph %d", seed)
	sure := b.Doubt == ""
	for _, c := range b.Culprits {
		require.NotEmpty(t, c.Changes, "graph %d names no culprit", seed)
		found := slices.Concat(c.Changes, c.Needed)
		require.NotEqual(t, search.Pass, k.said(found), "graph %d: %v passes", seed, found)
		require.True(t, !sure || k.said(found) == search.Fail, "graph %d: there is no answer of %v", seed, found)
		for _, x := range found {
			require.NotEqual(t, search.Fail, k.said(less(found, x)), "graph %d: %v fails without %s too", seed, found, x)
		}
		for _, x := range c.Changes {
			require.True(t, !sure || k.said(less(found, x)) == search.Pass, "graph %d: there is no answer of %v less %s", seed, found, x)
		}
		for _, x := range c.Needed {
			_, all, _ := k.settle(context.Background(), found)
			_, fewer, _ := k.settle(context.Background(), less(found, x))
			require.False(t, subset(less(found, x), fewer) && subset(found, all), "graph %d: nothing needs %s in %v", seed, x, found)
		}
	}
	require.True(t, !sure || k.said(less(k.names, b.Back...)) == search.Pass, "graph %d: no answer of the last end without %v", seed, b.Back)
}

func checkKnotKept(t *testing.T, k *knot, m search.Minimum, seed int) {
	t.Helper()
	var kept []string
	for _, c := range m.Kept {
		kept = append(kept, c.Change)
	}
	sure := m.Doubt == ""
	require.NotEqual(t, search.Fail, k.said(kept), "graph %d: %v does not suffice", seed, kept)
	require.True(t, !sure || k.said(kept) == search.Pass, "graph %d: there is no answer of %v", seed, kept)
	for _, c := range m.Kept {
		got := k.said(less(kept, c.Change))
		require.NotEqual(t, search.Pass, got, "graph %d: %v works without %s", seed, kept, c.Change)
		require.True(t, !sure || got == search.Fail, "graph %d: there is no answer of %v less %s", seed, kept, c.Change)
		require.Equal(t, c.Without.Answer, got, "graph %d", seed)
	}
}

// TestTwoThatBringEachOtherAbout has two members of a choice, either of which alone results in
// both, and a kernel without an answer.
func TestTwoThatBringEachOtherAbout(t *testing.T) {
	k := &knot{names: []string{"x", "a", "b"}, takes: map[string][]string{"a": {"b"}, "b": {"a"}}, given: search.Answers{}}
	k.random = rand.New(rand.NewPCG(1, 1))
	s := k.space()
	s.Repeat = 1
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	b, err := search.Run(ctx, s.Bisect, nil, func(_ context.Context, c search.Candidate, _ func() []search.Candidate) (v search.Reply, err error) {
		if k.asks++; k.asks > 20 {
			return v, errTooMany
		}
		switch {
		case c.Key == "x": // it does not compile, say
		case slices.Contains(c.Effective, "a"):
			v.Answer = search.Fail
		default:
			v.Answer = search.Pass
		}
		return v, nil
	})
	require.NoError(t, err)
	require.Equal(t, "no answer for the last end without [b a]", b.Doubt)
	require.Len(t, b.Culprits, 1)
	require.Len(t, b.Culprits[0].Changes, 1, "either is the change")
	require.Equal(t, []string{"a", "b"}, b.Culprits[0].Effective)
	require.ElementsMatch(t, []string{"a", "b"}, b.Back)
}

package search_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/search"
)

// model is a graph of symbols that differ, some switched off and others on, and the sets of
// symbols that make a probe fail.
type model struct {
	names    []string
	on       map[string]bool     // switched on; the others are switched off
	needs    map[string][]string // what a symbol depends on directly, of its own kind
	users    map[string][]string
	reached  map[string]map[string]bool // with it: what it takes along, or all it needs
	culprits [][]string
	weights  map[string]float64

	unknown float64 // the share of .configs of which there is no answer
	flaky   float64 // the share of answers that are wrong
	random  *rand.Rand
	asked   map[string]bool
	asks    int
}

// newModel makes a graph of n symbols with culprits of the given sizes, each a set of symbols
// that fail only together.
func newModel(r *rand.Rand, n int, sizes ...int) *model {
	m := &model{on: map[string]bool{}, needs: map[string][]string{}, users: map[string][]string{},
		weights: map[string]float64{}, random: r, asked: map[string]bool{}}
	share := []float64{0, 0.5, 1}[r.IntN(3)]
	for i := range n {
		name := fmt.Sprintf("S%d", i)
		m.on[name] = r.Float64() < share
		m.weights[name] = 1
		for range r.IntN(3) {
			if len(m.names) == 0 {
				break
			}
			if dep := m.names[r.IntN(len(m.names))]; m.on[dep] == m.on[name] && !slices.Contains(m.needs[name], dep) {
				m.needs[name] = append(m.needs[name], dep)
				m.users[dep] = append(m.users[dep], name)
			}
		}
		m.names = append(m.names, name)
	}
	m.reached = map[string]map[string]bool{}
	for _, name := range m.names {
		if m.on[name] {
			m.reached[name] = reach(name, m.needs)
		} else {
			m.reached[name] = reach(name, m.users)
		}
	}
	for _, size := range sizes {
		var c []string
		for _, i := range r.Perm(n)[:size] {
			c = append(c, m.names[i])
		}
		m.culprits = append(m.culprits, c)
	}
	r.Shuffle(n, func(i, j int) { m.names[i], m.names[j] = m.names[j], m.names[i] })
	return m
}

// before is the argument of Order.
func (m *model) before(name string) []string {
	if m.on[name] {
		return m.needs[name]
	}
	return m.users[name]
}

// reach returns all symbols that can be reached from one.
func reach(from string, edges map[string][]string) map[string]bool {
	all := map[string]bool{}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if !all[queue[0]] {
			all[queue[0]] = true
			queue = append(queue, edges[queue[0]]...)
		}
	}
	return all
}

// settle works like Kconfig: the dependents of a symbol disappear with it, and no symbol appears
// without its dependencies.
func (m *model) settle(_ context.Context, set []string) (string, []string, error) {
	now, in := map[string]bool{}, map[string]bool{}
	for _, c := range set {
		in[c] = true
	}
	for _, c := range set {
		now[c] = now[c] || m.on[c]
		for other := range m.reached[c] {
			if m.on[c] {
				now[c] = now[c] && in[other]
			} else {
				now[other] = true
			}
		}
	}
	var effective []string
	for _, c := range m.names {
		if now[c] {
			effective = append(effective, c)
		}
	}
	return strings.Join(effective, " "), effective, nil
}

func (m *model) space(repeat int) *search.Space {
	weight := func(c string) float64 { return m.weights[c] }
	return &search.Space{Changes: search.Order(m.names, m.before, weight), Settle: m.settle, Weight: weight, Repeat: repeat}
}

// fails reports whether a set really fails.
func (m *model) fails(effective []string) bool {
	return slices.ContainsFunc(m.culprits, func(c []string) bool { return subset(c, effective) })
}

// ask returns the answer that a boot would: goal if the set fails.
func (m *model) ask(goal search.Answer) search.Asker {
	return func(_ context.Context, c search.Candidate, _ func() []search.Candidate) (search.Reply, error) {
		m.asked[c.Key] = true
		m.asks++
		end := len(c.Effective) == 0 || len(c.Effective) == len(m.names)
		h := fnv.New64a()
		h.Write([]byte(c.Key))
		if !end && float64(h.Sum64()%1000) < m.unknown*1000 {
			return search.Reply{}, nil
		}
		if m.fails(c.Effective) != (m.flaky > 0 && m.random.Float64() < m.flaky) {
			return search.Reply{Answer: goal}, nil
		}
		return search.Reply{Answer: search.Pass + search.Fail - goal}, nil
	}
}

// core returns the part of a culprit that the search should find, without the changes that others
// in it need or cause.
func (m *model) core(culprit []string) []string {
	var core []string
	for _, c := range culprit {
		implied := slices.ContainsFunc(culprit, func(d string) bool {
			return d != c && m.reached[d][c]
		})
		if !implied {
			core = append(core, c)
		}
	}
	slices.Sort(core)
	return core
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(x string) bool { return !slices.Contains(b, x) })
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

package bisect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/search"
)

// space is the changes between two .configs.
type space struct {
	search.Space
	delta   *configdiff.Delta
	changes map[string]configdiff.Change
	texts   map[string][]byte // final .configs by key
	opts    Options
	cost    *Cost
}

// newSpace returns the space between the ends of o. Its changes are the symbols that a user can
// set, with those that the question names first.
func newSpace(o Options, cost *Cost) *space {
	s := &space{changes: map[string]configdiff.Change{}, texts: map[string][]byte{}, opts: o, cost: cost}
	s.delta = configdiff.Of(o.First, o.Last)
	var all []string
	for _, c := range s.delta.Changes {
		s.changes[c.Symbol] = c
		all = append(all, c.Symbol)
	}
	fixed := func(name string) bool {
		return o.First.Values[name].Visible == kconf.No && o.Last.Values[name].Visible == kconf.No
	}
	words := slices.Clone(o.Question.words)
	for _, s := range o.Suspects {
		words = append(words, strings.TrimPrefix(strings.ToUpper(s), "CONFIG_"))
	}
	likely := weights(words, all)
	s.pass(likely, fixed)
	s.Weight = func(name string) float64 { return likely[name] }
	before := s.before()
	order := search.Order(all, func(c string) []string { return before[c] }, s.Weight)
	s.Changes = slices.DeleteFunc(order, fixed)
	s.Settle, s.Repeat = s.settle, o.Repeat
	return s
}

// settle returns the hash of the final .config of a set of changes, and which changes it has.
func (s *space) settle(ctx context.Context, set []string) (key string, effective []string, err error) {
	s.cost.Configs++
	s.opts.Progress.State("%s: %d .configs settled", s.opts.Name, s.cost.Configs)
	final, err := s.opts.Kconfig.Settle(ctx, kconf.OldDef, s.delta.Exactly(set...))
	if err != nil {
		return "", nil, err
	}
	config, err := kconfigs.ParseConfig(final)
	if err != nil {
		return "", nil, fmt.Errorf("settling a .config: %w", err)
	}
	sum := sha256.Sum256(final)
	key = hex.EncodeToString(sum[:])
	s.texts[key] = final
	for _, name := range s.Changes {
		if config.Value(name) == s.changes[name].To {
			effective = append(effective, name)
		}
	}
	return key, effective, nil
}

// before returns, for each change, the others to try before it: those that need it if it is
// switched off, those that it needs if it is switched on. Only the order of tries depends on this.
func (s *space) before() map[string][]string {
	before := map[string][]string{}
	for _, c := range s.delta.Changes {
		for _, name := range names(s.opts.First.Symbol(c.Symbol).Depends, nil) {
			need, differs := s.changes[name]
			switch {
			case !differs || need.Symbol == c.Symbol:
			case need.To == "n" && c.To == "n":
				before[name] = append(before[name], c.Symbol)
			case need.From == "n":
				before[c.Symbol] = append(before[c.Symbol], name)
			}
		}
	}
	return before
}

// pass passes the weights of symbols that no user can set on to those they depend on.
func (s *space) pass(weights map[string]float64, fixed func(string) bool) {
	for _, c := range s.delta.Changes {
		seen := map[string]bool{}
		for queue := []string{c.Symbol}; len(queue) > 0; queue = queue[1:] {
			name := queue[0]
			if !fixed(name) && name != c.Symbol {
				weights[name] = max(weights[name], weights[c.Symbol])
			}
			for _, need := range names(s.opts.First.Symbol(name).Depends, nil) {
				if _, differs := s.changes[need]; differs && fixed(name) && !seen[need] {
					seen[need] = true
					queue = append(queue, need)
				}
			}
		}
	}
}

// names returns the symbols in an expression.
func names(e *kconf.Expr, all []string) []string {
	if e == nil {
		return all
	}
	if e.Op == "" {
		all = append(all, e.Name)
	}
	for i := range e.Args {
		all = names(&e.Args[i], all)
	}
	return all
}

// weights returns how likely some words are to mean each symbol. A symbol weighs more the more of
// its name they cover and the fewer symbols share them, and most if they cover the whole name.
// Every weight is above 0.
func weights(words, symbols []string) map[string]float64 {
	with := map[string]int{} // symbols that have a word
	for _, name := range symbols {
		for _, part := range parts(name) {
			with[part]++
		}
	}
	w := map[string]float64{}
	n := float64(len(symbols))
	for _, name := range symbols {
		w[name] = 1
		own, met := parts(name), 0
		for _, part := range own {
			if slices.Contains(words, part) {
				met++
				w[name] += 4 * n / float64(with[part]*len(own))
			}
		}
		if met == len(own) || slices.Contains(words, name) {
			w[name] += 8 * n * float64(len(own))
		}
	}
	return w
}

func parts(symbol string) []string {
	all := strings.Split(strings.ToLower(symbol), "_")
	slices.Sort(all)
	return slices.Compact(all)
}

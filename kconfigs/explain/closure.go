package explain

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Closure is what no .config can have without some symbols.
type Closure struct {
	// Off are the symbols that are taken to be off.
	Off []string `json:"off"`
	// Gone are those that go with them, sorted, Off among them; numbers and strings count
	// as gone where they can have no value.
	Gone []string `json:"gone"`
	// Trees counts Gone by top-level directory of the source, Parts by directory of the
	// second level where there is one (net/ipv4, drivers/net), the most first.
	Trees []Count `json:"trees"`
	Parts []Count `json:"parts"`
}

// Count is how many symbols are defined in a directory.
type Count struct {
	Dir     string `json:"dir"`
	Symbols int    `json:"symbols"`
}

// Closure gives what goes when the symbols called off are n.
func (t *Tree) Closure(off ...string) Closure {
	never := t.impossible(nil) // whatever is on or off
	gone := t.impossible(off)
	maps.DeleteFunc(gone, func(name string, _ bool) bool {
		return isChoice(name) || never[name] && !slices.Contains(off, name)
	})
	c := Closure{Off: off, Gone: slices.Sorted(maps.Keys(gone))}
	trees, parts := map[string]int{}, map[string]int{}
	for name := range gone {
		part := t.part(name)
		top, _, _ := strings.Cut(part, "/")
		trees[top]++
		parts[part]++
	}
	c.Trees, c.Parts = counts(trees), counts(parts)
	return c
}

// part gives the directory that a symbol is defined in, two levels deep at most.
func (t *Tree) part(name string) string {
	s := t.symbols[name]
	if s == nil || len(s.Entries) == 0 {
		return "?"
	}
	words := strings.Split(path.Dir(s.Entries[0].File), "/")
	return strings.Join(words[:min(len(words), 2)], "/")
}

func counts(m map[string]int) []Count {
	var all []Count
	for dir, n := range m {
		all = append(all, Count{dir, n})
	}
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Symbols, a.Symbols), cmp.Compare(a.Dir, b.Dir))
	})
	return all
}

// impossible gives the symbols that can have no value but n, or none at all, when those
// called off are n. A symbol is possible when some of its prompts, defaults, selectors or
// those that imply it might do; every other symbol is taken to have the value that is
// best for it. That is generous, so what is impossible is so for certain.
func (t *Tree) impossible(off []string) map[string]bool {
	gone := map[string]bool{}
	for _, name := range off {
		gone[name] = true
	}
	for again := true; again; {
		again = false
		for _, name := range t.names {
			if !gone[name] && !t.possible(t.symbols[name], gone, off) {
				gone[name], again = true, true
			}
		}
	}
	return gone
}

func (t *Tree) possible(s *kconf.Symbol, gone map[string]bool, off []string) bool {
	for _, p := range s.Properties {
		if p.Kind == "select" && slices.Contains(off, p.Value.Name) && always(p.If, s) {
			return false // with it, what is to be off would be on
		}
	}
	for _, p := range s.Properties {
		if p.Kind != "prompt" && p.Kind != "default" {
			continue
		}
		_, most := t.bounds(p.If, gone)
		if p.Kind == "default" && isBool(s) {
			_, value := t.bounds(p.Value, gone)
			most = min(most, value)
		}
		if most > kconf.No {
			return true
		}
	}
	for _, by := range [][]selector{t.selectors[s.Name], t.implies[s.Name]} {
		for _, sel := range by {
			if _, most := t.bounds(sel.prop.If, gone); most > kconf.No && !gone[sel.name] {
				return true
			}
		}
	}
	return false
}

// always reports whether a line under a symbol counts whenever the symbol is on.
func always(cond *kconf.Expr, s *kconf.Symbol) bool {
	return cond == nil || cond.String() == s.Depends.String()
}

// bounds gives the least and the most that an expression can come to when gone are n.
func (t *Tree) bounds(e *kconf.Expr, gone map[string]bool) (least, most kconf.Tri) {
	if e == nil {
		return kconf.Yes, kconf.Yes
	}
	switch e.Op {
	case "":
		s := t.symbols[e.Name]
		if s == nil || gone[e.Name] || !isBool(s) {
			return kconf.No, kconf.No
		}
		return kconf.No, kconf.Yes
	case "'":
		return triOf(e.Name), triOf(e.Name)
	case "!":
		least, most = t.bounds(&e.Args[0], gone)
		return kconf.Yes - most, kconf.Yes - least
	case "&&", "||":
		least, most = t.bounds(&e.Args[0], gone)
		for i := 1; i < len(e.Args); i++ {
			l, m := t.bounds(&e.Args[i], gone)
			if e.Op == "&&" {
				least, most = min(least, l), min(most, m)
			} else {
				least, most = max(least, l), max(most, m)
			}
		}
		return least, most
	}
	return t.boundsOfComparison(e, gone)
}

// boundsOfComparison knows the outcome where both sides are known: constants, and
// symbols that are gone.
func (t *Tree) boundsOfComparison(e *kconf.Expr, gone map[string]bool) (least, most kconf.Tri) {
	w := &World{Tree: t, Values: map[string]kconf.Value{}}
	for _, arg := range e.Args {
		if s := t.symbols[arg.Name]; arg.Op == "" && s != nil {
			if !gone[arg.Name] || !isBool(s) {
				return kconf.No, kconf.Yes
			}
			w.Values[arg.Name] = kconf.Value{Value: "n"}
		}
	}
	v := w.eval(e)
	return v, v
}

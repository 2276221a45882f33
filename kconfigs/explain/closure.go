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
	// Off are the symbols that are assumed to be off.
	Off []string `json:"off"`
	// Gone are those that can never be set then, sorted, including Off. Numbers and strings
	// are gone if they can have no value.
	Gone []string `json:"gone"`
	// Trees counts Gone by top-level directory of the source, Parts by directory of at most
	// two levels (net/ipv4, drivers/net), largest first.
	Trees []Count `json:"trees"`
	Parts []Count `json:"parts"`
}

// Count is the number of symbols defined in a directory.
type Count struct {
	Dir     string `json:"dir"`
	Symbols int    `json:"symbols"`
}

// Closure returns what is lost when the symbols in off are n.
func (t *Tree) Closure(off ...string) Closure {
	never := t.impossible(nil)
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

// part returns the directory that defines a symbol, at most two levels deep.
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

// impossible returns the symbols that can only be n, or have no value at all, when those in
// off are n.
func (t *Tree) impossible(off []string) map[string]bool {
	l := &limits{Tree: t, off: off, gone: map[string]bool{}, certain: map[string]bool{}}
	for _, name := range off {
		l.gone[name] = true
	}
	for again := true; again; {
		again = false
		for _, name := range t.names {
			s := t.symbols[name]
			switch {
			case l.gone[name] || l.certain[name]:
			case !l.possible(s):
				l.gone[name], again = true, true
			case l.sure(s):
				l.certain[name], again = true, true
			}
		}
	}
	return l.gone
}

// limits are the possible values of symbols when all but those in off may be set freely.
type limits struct {
	*Tree
	off     []string
	gone    map[string]bool // can only be n
	certain map[string]bool // can only be y, as 64BIT
}

// possible reports whether a prompt, a default, a select or an imply may switch a symbol on.
// Whatever is unknown counts in its favour, so a symbol reported impossible really is. An old
// .config may set a transitional symbol.
func (l *limits) possible(s *kconf.Symbol) bool {
	if s.Transitional {
		return true
	}
	for _, p := range s.Properties {
		if p.Kind == "select" && slices.Contains(l.off, p.Value.Name) && always(p.If, s) {
			return false // it would switch on a symbol that is to be off
		}
	}
	for _, p := range s.Properties {
		if p.Kind == "prompt" && l.most(p.If) > kconf.No {
			return true
		}
		if p.Kind == "default" && l.most(p.If) > kconf.No && (!isBool(s) || l.most(p.Value) > kconf.No) {
			return true
		}
	}
	for _, sel := range l.selectors[s.Name] {
		if l.most(sel.prop.If) > kconf.No && !l.gone[sel.name] {
			return true
		}
	}
	// Unlike a select, an imply heeds the dependencies.
	return l.most(s.Depends) > kconf.No && slices.ContainsFunc(l.implies[s.Name], func(sel selector) bool {
		return l.most(sel.prop.If) > kconf.No && !l.gone[sel.name]
	})
}

// sure reports whether a symbol can never be off: it has no visible prompt and is y by
// default, or a sure symbol selects it.
func (l *limits) sure(s *kconf.Symbol) bool {
	if !isBool(s) || s.Choice != "" {
		return false
	}
	for _, sel := range l.selectors[s.Name] {
		if l.certain[sel.name] && l.least(sel.prop.If) == kconf.Yes {
			return true
		}
	}
	for _, p := range s.Properties {
		if p.Kind == "prompt" && l.most(p.If) > kconf.No {
			return false
		}
	}
	for _, p := range of(s, "default") {
		if l.most(p.If) > kconf.No { // the first that counts decides
			return l.least(p.If) == kconf.Yes && l.least(p.Value) == kconf.Yes
		}
	}
	return false
}

// always reports whether a line under a symbol applies whenever the symbol is on.
func always(cond *kconf.Expr, s *kconf.Symbol) bool {
	return cond == nil || cond.String() == s.Depends.String()
}

func (l *limits) least(e *kconf.Expr) kconf.Tri { least, _ := l.bounds(e); return least }
func (l *limits) most(e *kconf.Expr) kconf.Tri  { _, most := l.bounds(e); return most }

// bounds returns the lowest and the highest possible value of an expression.
func (l *limits) bounds(e *kconf.Expr) (least, most kconf.Tri) {
	if e == nil {
		return kconf.Yes, kconf.Yes
	}
	switch e.Op {
	case "":
		s := l.symbols[e.Name]
		switch {
		case s == nil || l.gone[e.Name] || !isBool(s):
			return kconf.No, kconf.No
		case l.certain[e.Name]:
			return kconf.Yes, kconf.Yes
		}
		return kconf.No, kconf.Yes
	case "'":
		return triOf(e.Name), triOf(e.Name)
	case "!":
		least, most = l.bounds(&e.Args[0])
		return kconf.Yes - most, kconf.Yes - least
	case "&&", "||":
		least, most = l.bounds(&e.Args[0])
		for i := 1; i < len(e.Args); i++ {
			low, high := l.bounds(&e.Args[i])
			if e.Op == "&&" {
				least, most = min(least, low), min(most, high)
			} else {
				least, most = max(least, low), max(most, high)
			}
		}
		return least, most
	}
	return l.comparison(e)
}

// comparison is bounds for a comparison. The result is known if both sides are constants or
// symbols with only one possible value.
func (l *limits) comparison(e *kconf.Expr) (least, most kconf.Tri) {
	w := &ConfigState{Tree: l.Tree, Values: map[string]kconf.Value{}}
	for _, arg := range e.Args {
		s := l.symbols[arg.Name]
		switch {
		case arg.Op == "'" || s == nil:
		case l.gone[arg.Name] && isBool(s):
			w.Values[arg.Name] = kconf.Value{Value: "n"}
		case l.certain[arg.Name]:
			w.Values[arg.Name] = kconf.Value{Value: "y"}
		default:
			return kconf.No, kconf.Yes
		}
	}
	v := w.eval(e)
	return v, v
}

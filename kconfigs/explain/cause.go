package explain

import (
	"slices"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Symbol returns a symbol's definition; nil if there is none.
func (t *Tree) Symbol(name string) *kconf.Symbol { return t.symbols[name] }

// Protected returns, sorted, the symbols that guests of this kernel need (kconfigs.Protected).
func (t *Tree) Protected() []string {
	return kconfigs.Protected(func(name string) bool { return t.symbols[name] != nil })
}

// Causes returns the symbols that may be why one has a higher value in high than in low,
// two .configs of one tree: what selects it in high, blocks it in low, or decides its
// default. Some of them may not differ, and there may be none.
func Causes(name string, low, high *ConfigState) []string {
	s := low.symbols[name]
	c := &causes{}
	if high.Values[name].Selected > low.Values[name].Selected {
		for _, sel := range high.selectors[name] {
			if high.strength(sel) > low.strength(sel) {
				c.add(leaves(sel.prop.If, []string{sel.name})...)
			}
		}
	}
	if len(c.names) > 0 {
		return c.names
	}
	wanted := kconf.Yes
	if isBool(s) {
		wanted = high.tri(name)
	}
	c.blockers(low, visibleIf(s), wanted)
	c.blockers(low, s.Depends, wanted)
	for _, sel := range high.implies[name] {
		if high.strength(sel) > kconf.No {
			c.add(leaves(sel.prop.If, []string{sel.name})...)
		}
	}
	for _, p := range of(s, "default") {
		if high.eval(p.If) > kconf.No || low.eval(p.If) > kconf.No {
			c.add(leaves(p.Value, leaves(p.If, nil))...)
		}
	}
	c.add(low.members[s.Choice]...)
	c.blockers(high, visibleIf(s), kconf.Yes)
	return c.names
}

// strength is the value that a select or imply line asks for in w.
func (w *ConfigState) strength(sel selector) kconf.Tri {
	return min(w.tri(sel.name), w.eval(sel.prop.If))
}

// causes collects names, each once.
type causes struct{ names []string }

func (c *causes) add(names ...string) {
	for _, n := range names {
		if !slices.Contains(c.names, n) {
			c.names = append(c.names, n)
		}
	}
}

// blockers adds what keeps an expression below a value in w.
func (c *causes) blockers(w *ConfigState, e *kconf.Expr, wanted kconf.Tri) {
	for _, b := range w.firstOf(w.blockers(e, wanted), wanted) {
		c.add(leaves(b, nil)...)
	}
}

// Unset returns the value of a symbol in w without a line of its own, from what selects or
// implies it and its default (scripts/kconfig/symbol.c, sym_calc_value). It does not cover
// members of choices or numbers outside their range.
func (w *ConfigState) Unset(name string) string {
	s := w.symbols[name]
	var got kconf.Tri
	for _, p := range of(s, "default") {
		if w.eval(p.If) == kconf.No {
			continue
		}
		if !isBool(s) {
			return w.operandText(p.Value)
		}
		got = min(w.eval(p.Value), w.eval(p.If))
		break
	}
	if !isBool(s) {
		return ""
	}
	for _, sel := range w.implies[name] {
		if implied := w.strength(sel); implied > kconf.No {
			got = min(max(got, implied), w.eval(s.Depends))
		}
	}
	got = max(got, w.Values[name].Selected)
	if got == kconf.Mod && (s.Type == "bool" || w.tri("MODULES") == kconf.No) {
		got = kconf.Yes
	}
	return got.String()
}

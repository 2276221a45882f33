package explain

import (
	"slices"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Symbol returns what the Kconfig files say of a symbol; nil where they define none.
func (t *Tree) Symbol(name string) *kconf.Symbol { return t.symbols[name] }

// Causes returns the symbols on whose account one is more in high than in low, two .configs
// of one tree: what selects it there, or what stands in its way here, or what its default
// hangs on. Not all of them need differ, and none may be known.
func Causes(name string, low, high *World) []string {
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

// strength is what a line that selects or implies asks of the other symbol in w.
func (w *World) strength(sel selector) kconf.Tri { return min(w.tri(sel.name), w.eval(sel.prop.If)) }

// causes collects names, each once.
type causes struct{ names []string }

func (c *causes) add(names ...string) {
	for _, n := range names {
		if !slices.Contains(c.names, n) {
			c.names = append(c.names, n)
		}
	}
}

// blockers adds what keeps an expression under a value in w.
func (c *causes) blockers(w *World, e *kconf.Expr, wanted kconf.Tri) {
	for _, b := range w.firstOf(w.blockers(e, wanted), wanted) {
		c.add(leaves(b, nil)...)
	}
}

// Unset returns what a symbol comes to in w without a line of its own: what selects it,
// implies it or is its default makes of it (scripts/kconfig/symbol.c, sym_calc_value). Of
// members of choices, and of numbers outside their range, it does not know.
func (w *World) Unset(name string) string {
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

package explain

import (
	"slices"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Symbol gives what the Kconfig files say of a symbol; nil where they define none.
func (t *Tree) Symbol(name string) *kconf.Symbol { return t.symbols[name] }

// Causes gives the symbols on whose account one is more in high than in low, two .configs
// of one tree: what selects it there, or what stands in its way here, or what its default
// hangs on. Not all of them need differ, and none may be known.
func Causes(name string, low, high *World) []string {
	s := low.symbols[name]
	c := &causes{}
	if high.Values[name].Selected > low.Values[name].Selected {
		for _, sel := range high.selectors[name] {
			if high.works(sel) && !low.works(sel) {
				c.add(append(leaves(sel.prop.If, nil), sel.name)...)
			}
		}
		return c.names
	}
	wanted := kconf.Yes
	if isBool(s) {
		wanted = high.tri(name)
	}
	c.blockers(low, visibleIf(s), wanted)
	c.blockers(low, s.Depends, wanted)
	for _, sel := range high.implies[name] {
		if high.works(sel) {
			c.add(append(leaves(sel.prop.If, nil), sel.name)...)
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

// works reports whether what selects or implies another does so in w.
func (w *World) works(sel selector) bool { return min(w.tri(sel.name), w.eval(sel.prop.If)) > kconf.No }

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

// Unset gives what a symbol that is neither y nor m by its own line comes to in w: what
// selects it, implies it or is its default makes of it. Members of choices are not
// reckoned, and are n.
func (w *World) Unset(name string) string {
	s := w.symbols[name]
	least := kconf.No
	for _, p := range of(s, "default") {
		if w.eval(p.If) == kconf.No {
			continue
		}
		if !isBool(s) {
			return w.operandText(p.Value)
		}
		least = min(w.eval(p.Value), w.eval(p.If))
		break
	}
	for _, sel := range w.implies[name] {
		least = max(least, min(w.tri(sel.name), w.eval(sel.prop.If), w.eval(s.Depends)))
	}
	return max(least, w.Values[name].Selected).String()
}

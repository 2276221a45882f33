package explain

import "github.com/netstrip/netstrip/kconfigs/kconf"

// Bounds computes the values of a symbol's prompts, dependencies and selectors, which Kconfig
// returns in a kconf.Value.
func (w *ConfigState) Bounds(name string) (visible, depends, selected kconf.Tri) {
	s := w.symbols[name]
	if s.Transitional {
		visible = kconf.Yes
	}
	for _, p := range of(s, "prompt") {
		visible = max(visible, w.eval(p.If))
	}
	for _, sel := range w.selectors[name] {
		selected = max(selected, min(w.tri(sel.name), w.eval(sel.prop.If)))
	}
	round := func(t kconf.Tri) kconf.Tri {
		if t == kconf.Mod && (s.Type != "tristate" || w.tri("MODULES") == kconf.No) {
			return kconf.Yes
		}
		return t
	}
	return round(visible), round(w.eval(s.Depends)), round(selected)
}

// Comparable reports whether Kconfig computes the dependencies and selectors of a symbol: it does
// not for choices, their members and transitional symbols.
func (w *ConfigState) Comparable(name string) bool {
	s := w.symbols[name]
	return s.Choice == "" && !isChoice(name) && isBool(s) && !s.Transitional
}

// Named returns the symbols that an explanation names.
func Named(s kconf.Symbol) []string {
	all := leaves(s.Depends, nil)
	for _, p := range s.Properties {
		all = leaves(p.Value, leaves(p.If, all))
	}
	return all
}

// Eval and Blockers return the value of an expression, and what keeps it from being y.
func (w *ConfigState) Eval(e *kconf.Expr) kconf.Tri { return w.eval(e) }

func (w *ConfigState) Blockers(e *kconf.Expr) []string {
	var all []string
	for _, b := range w.blockers(e, kconf.Yes) {
		all = append(all, b.String())
	}
	return all
}

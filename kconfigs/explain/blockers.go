package explain

import (
	"slices"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// blockers returns the smallest parts of an expression that keep it below a value: all of
// them must change. An alternative whose branches are all unmet is one part.
func (w *ConfigState) blockers(e *kconf.Expr, wanted kconf.Tri) []*kconf.Expr {
	if e == nil || w.eval(e) >= wanted {
		return nil
	}
	switch e.Op {
	case "&&":
		var all []*kconf.Expr
		for i := range e.Args {
			for _, b := range w.blockers(&e.Args[i], wanted) {
				if !slices.ContainsFunc(all, func(o *kconf.Expr) bool { return o.String() == b.String() }) {
					all = append(all, b)
				}
			}
		}
		return all
	case "||":
		either := &kconf.Expr{Op: "||"}
		for i := range e.Args {
			if e.Args[i].Op == "'" {
				continue // n, which nobody can change
			}
			either.Args = append(either.Args, *allOf(w.blockers(&e.Args[i], wanted)))
		}
		if len(either.Args) == 1 {
			return []*kconf.Expr{&either.Args[0]}
		}
		return []*kconf.Expr{either}
	case "!":
		if turned := negated(&e.Args[0]); turned != nil {
			return w.blockers(turned, wanted)
		}
	}
	return []*kconf.Expr{e}
}

// negated moves a ! inwards, past && and ||; nil if there is none to pass.
func negated(e *kconf.Expr) *kconf.Expr {
	turn := map[string]string{"&&": "||", "||": "&&"}[e.Op]
	if e.Op == "!" {
		return &e.Args[0]
	}
	if turn == "" {
		return nil
	}
	out := &kconf.Expr{Op: turn}
	for i := range e.Args {
		out.Args = append(out.Args, kconf.Expr{Op: "!", Args: []kconf.Expr{e.Args[i]}})
	}
	return out
}

func allOf(all []*kconf.Expr) *kconf.Expr {
	if len(all) == 1 {
		return all[0]
	}
	out := &kconf.Expr{Op: "&&"}
	for _, e := range all {
		out.Args = append(out.Args, *e)
	}
	return out
}

// firstOf removes what depends on another blocker: of NET and NETDEVICES, which needs NET,
// it keeps NET.
func (w *ConfigState) firstOf(all []*kconf.Expr, wanted kconf.Tri) []*kconf.Expr {
	return slices.DeleteFunc(slices.Clone(all), func(e *kconf.Expr) bool {
		s := w.symbols[e.Name]
		if e.Op != "" || s == nil {
			return false
		}
		own := w.blockers(visibleIf(s), wanted)
		if len(of(s, "prompt")) == 0 {
			own = w.blockers(s.Depends, wanted)
		}
		return slices.ContainsFunc(all, func(o *kconf.Expr) bool {
			return o != e && slices.ContainsFunc(own, func(b *kconf.Expr) bool { return b.String() == o.String() })
		})
	})
}

// decisive removes the blockers that need no attention: if some can never be met, all
// others; else those that are met once the others are, such as a symbol's menu.
func (w *ConfigState) decisive(all []*kconf.Expr, wanted kconf.Tri) []*kconf.Expr {
	c := w.costs()
	hopeless := slices.DeleteFunc(slices.Clone(all), func(e *kconf.Expr) bool { return c.expr(e, wanted) < never })
	if len(hopeless) > 0 {
		return hopeless
	}
	lines := map[*kconf.Expr][]string{}
	for _, e := range all {
		t := &taker{costs: c, taken: map[string]bool{}}
		t.expr(e, wanted)
		for _, l := range t.lines {
			lines[e] = append(lines[e], l.Symbol)
		}
	}
	left := slices.Clone(all)
	for _, e := range all {
		if e.Op == "" && slices.Contains(lines[e], e.Name) || len(lines[e]) == 0 {
			continue
		}
		follows := !slices.ContainsFunc(lines[e], func(name string) bool {
			return !slices.ContainsFunc(left, func(o *kconf.Expr) bool { return o != e && slices.Contains(lines[o], name) })
		})
		if follows {
			left = slices.DeleteFunc(left, func(o *kconf.Expr) bool { return o == e })
		}
	}
	return left
}

// hopelessFor reports whether a symbol without a prompt stays off even if its dependencies
// are met.
func (w *ConfigState) hopelessFor(s *kconf.Symbol, wanted kconf.Tri) bool {
	c := w.costs()
	return isBool(s) && c.of[s.Name][wanted] >= never && c.expr(s.Depends, wanted) < never
}

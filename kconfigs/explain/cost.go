package explain

import (
	"slices"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// The costs of the steps of a way. A line is the unit that people count. Contradicting the
// request is expensive, so that it is the last resort; so is COMPILE_TEST, which makes the
// drivers of other machines visible.
const (
	costLine, costOff, costIndirect = 10, 20, 2
	costAdded, costAsked            = 100, 10_000
	never                           = 1 << 40
)

// sideEffects are symbols that change much else when they are switched on.
var sideEffects = map[string]int{"EXPERT": 15, "STAGING": 15, "DEBUG_KERNEL": 5, "COMPILE_TEST": 1000, "KUNIT": 50}

// costs are the estimated lowest costs of getting each symbol of a ConfigState to a level: n, at
// least m, or y. A level at never is impossible in any .config with this compiler. Kconfig
// itself decides whether a way found here works.
type costs struct {
	w       *ConfigState
	of      map[string]*[3]int
	waiting map[string][]string // by symbol: those whose costs depend on it
}

// costs computes them once for a ConfigState.
func (w *ConfigState) costs() *costs {
	if w.estimated == nil {
		w.estimated = estimate(w)
	}
	return w.estimated
}

func estimate(w *ConfigState) *costs {
	c := &costs{w: w, of: map[string]*[3]int{}, waiting: w.dependents()}
	queue := slices.Clone(w.names)
	queued := map[string]bool{}
	for _, name := range queue {
		c.of[name] = &[3]int{never, never, never}
		queued[name] = true
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		queued[name] = false
		lower := false
		for level := range kconf.Yes + 1 {
			if _, cost := c.route(name, level); cost < c.of[name][level] {
				c.of[name][level], lower = cost, true
			}
		}
		if !lower {
			continue
		}
		for _, next := range c.waiting[name] {
			if _, known := c.of[next]; known && !queued[next] {
				queued[next] = true
				queue = append(queue, next)
			}
		}
	}
	return c
}

// dependents returns, by symbol, those whose costs depend on its own.
func (t *Tree) dependents() map[string][]string {
	all := map[string][]string{}
	add := func(name string, on ...string) {
		for _, o := range on {
			if l := all[o]; len(l) == 0 || l[len(l)-1] != name {
				all[o] = append(l, name)
			}
		}
	}
	for _, name := range t.names {
		s := t.symbols[name]
		var on []string
		for _, leaf := range leaves(s.Depends, nil) {
			on = append(on, leaf)
			if n := t.symbols[leaf]; n != nil && !isBool(n) {
				on = leaves(visibleIf(n), on) // a number can be set if its prompt is visible
			}
		}
		for _, p := range s.Properties {
			on = leaves(p.If, on)
			if p.Kind == "default" {
				on = leaves(p.Value, on)
			}
			if p.Kind == "select" || p.Kind == "imply" {
				add(p.Value.Name, leaves(p.If, []string{name})...)
			}
		}
		add(name, append(on, t.members[s.Choice]...)...)
	}
	return all
}

// step is a part of a way: a line to add, or an expression that must reach a level.
type step struct {
	line  *kconfigs.Setting
	expr  *kconf.Expr
	level kconf.Tri
	cost  int // of the step itself
}

// route returns the cheapest known way to get a symbol to a level.
func (c *costs) route(name string, level kconf.Tri) ([]step, int) {
	s := c.w.symbols[name]
	if s == nil || !isBool(s) {
		if level == kconf.No {
			return nil, 0
		}
		return nil, never
	}
	got := c.w.tri(name)
	if got == kconf.No && level == kconf.No || level > kconf.No && got >= level {
		return nil, 0
	}
	routes := c.on
	if level == kconf.No {
		routes = c.off
	}
	var best []step
	least := never
	for _, steps := range routes(s, level) {
		if cost := c.total(steps); cost < least {
			best, least = steps, cost
		}
	}
	return best, least
}

func (c *costs) total(steps []step) int {
	sum := 0
	for _, st := range steps {
		sum += st.cost
		if st.line == nil || st.expr != nil {
			sum += c.expr(st.expr, st.level)
		}
		if sum >= never {
			return never
		}
	}
	return sum
}

// on returns the ways to switch a symbol on.
func (c *costs) on(s *kconf.Symbol, level kconf.Tri) [][]step {
	var all [][]step
	need := level
	if s.Type == "bool" {
		need = kconf.Mod // a bool with a visible prompt can be y
	}
	for _, p := range of(s, "prompt") {
		steps := []step{{expr: p.If, level: need}}
		if !isChoice(s.Name) {
			steps = append(append(steps, c.line(s, level)), c.others(s)...)
		}
		all = append(all, steps)
	}
	indirect := 0
	if asked, ok := c.w.Asked[s.Name]; ok && triOf(asked.Value) < level {
		indirect = costAsked // a select contradicts the request too
	}
	if c.w.Values[s.Name].Visible == kconf.No {
		for _, p := range of(s, "default") {
			all = append(all, []step{{expr: p.If, level: need, cost: costIndirect + indirect}, {expr: p.Value, level: need}})
		}
	}
	for i, by := range [][]selector{c.w.selectors[s.Name], c.w.implies[s.Name]} {
		for _, sel := range by {
			all = append(all, []step{
				{expr: s.Depends, level: need, cost: (1+i)*costIndirect + indirect},
				{expr: sel.prop.If, level: level}, {expr: &kconf.Expr{Name: sel.name}, level: need},
			})
		}
	}
	return all
}

// line is the step that sets a symbol.
func (c *costs) line(s *kconf.Symbol, level kconf.Tri) step {
	value := "y"
	switch {
	case level == kconf.No:
		value = "n"
	case level == kconf.Mod && s.Type == "tristate" && c.w.tri("MODULES") == kconf.Yes:
		value = "m"
	}
	st := step{line: &kconfigs.Setting{Symbol: s.Name, Value: value}, cost: costLine}
	if level == kconf.No {
		st.cost += costOff
	} else {
		st.cost += sideEffects[s.Name]
	}
	if asked, ok := c.w.Asked[s.Name]; ok {
		if got := triOf(asked.Value); level > kconf.No && got >= level || level == kconf.No && got == kconf.No {
			return step{level: kconf.Yes} // the request already has it
		}
		st.cost += c.asked(s.Name, "")
	}
	return st
}

// off returns the ways to switch a symbol off: everything that selects it must be off, and
// either it is set to n, or its dependencies or its default fail, or another member of its
// choice is on.
func (c *costs) off(s *kconf.Symbol, _ kconf.Tri) [][]step {
	var without []step
	for _, sel := range c.w.selectors[s.Name] {
		if c.w.strength(sel) > kconf.No {
			without = append(without, step{expr: allOf([]*kconf.Expr{{Name: sel.name}, orYes(ownExpr(sel.prop.If, c.w.symbols[sel.name]))})})
		}
	}
	if asked, ok := c.w.Asked[s.Name]; ok && triOf(asked.Value) > kconf.No {
		without = append(without, step{expr: nil, level: kconf.Yes, cost: costAsked})
	}
	all := [][]step{append(slices.Clone(without), step{expr: orYes(s.Depends), cost: costOff})} // this affects others
	switch {
	case s.Choice != "":
		for _, m := range c.w.members[s.Choice] {
			if m != s.Name {
				all = append(all, append(slices.Clone(without), step{expr: &kconf.Expr{Name: m}, level: kconf.Yes, cost: costIndirect}))
			}
		}
	case c.w.Values[s.Name].Visible > kconf.No && !isChoice(s.Name):
		all = append(all, append(slices.Clone(without), c.line(s, kconf.No)))
	default:
		for _, p := range of(s, "default") {
			if c.w.eval(p.If) > kconf.No {
				without = append(without, step{expr: allOf([]*kconf.Expr{orYes(p.Value), orYes(p.If)})})
			}
		}
		for _, p := range of(s, "prompt") {
			without = append(without, step{expr: orYes(p.If)})
		}
		all = append(all, without)
	}
	return all
}

// expr estimates the cost of getting an expression to a level.
func (c *costs) expr(e *kconf.Expr, level kconf.Tri) int {
	got := c.w.eval(e)
	if level > kconf.No && got >= level || level == kconf.No && got == kconf.No {
		return 0
	}
	switch e.Op {
	case "":
		if known := c.of[e.Name]; known != nil {
			return known[level]
		}
		return never
	case "'":
		return never
	case "!":
		return c.expr(&e.Args[0], opposite(level))
	case "&&", "||":
		sum, least := 0, never
		for i := range e.Args {
			cost := c.expr(&e.Args[i], level)
			sum, least = min(sum+cost, never), min(least, cost)
		}
		if (e.Op == "&&") == (level > kconf.No) {
			return sum
		}
		return least
	}
	_, cost := c.comparison(e, level)
	return cost
}

package explain

import (
	"strconv"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// opposite is the level that the operand of a ! must reach.
func opposite(level kconf.Tri) kconf.Tri {
	if level == kconf.No {
		return kconf.Yes
	}
	return kconf.No
}

// inverse maps each comparison to its negation.
var inverse = map[string]string{"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

// comparison returns a way to make a comparison true or false by setting one of its sides.
func (c *costs) comparison(e *kconf.Expr, level kconf.Tri) ([]step, int) {
	if level == kconf.No {
		e = &kconf.Expr{Op: inverse[e.Op], Args: e.Args}
	}
	var best []step
	least := never
	for side := range e.Args {
		s := c.w.symbols[e.Args[side].Name]
		if e.Args[side].Op == "'" || s == nil {
			continue
		}
		for _, value := range c.candidates(s, e, side) {
			if !c.would(e, side, value) {
				continue
			}
			if steps := c.set(s, value); steps != nil {
				if cost := c.total(steps); cost < least {
					best, least = steps, cost
				}
			}
		}
	}
	return best, least
}

// candidates are the values of a symbol that might make a comparison true.
func (c *costs) candidates(s *kconf.Symbol, e *kconf.Expr, side int) []string {
	if isBool(s) {
		return []string{"n", "m", "y"}
	}
	other := c.w.operandText(&e.Args[1-side])
	all := []string{other}
	if n, err := strconv.ParseInt(other, 0, 64); err == nil {
		all = append(all, strconv.FormatInt(n+1, 10), strconv.FormatInt(n-1, 10))
	}
	for _, p := range of(s, "default") {
		if p.Value.Op == "'" || len(p.Value.Args) == 0 && c.w.symbols[p.Value.Name] == nil {
			all = append(all, p.Value.Name)
		}
	}
	return all
}

// would reports whether a comparison is true with another value on one side.
func (c *costs) would(e *kconf.Expr, side int, value string) bool {
	name := e.Args[side].Name
	w := &ConfigState{Tree: c.w.Tree, Values: map[string]kconf.Value{name: {Value: value}}}
	if other := e.Args[1-side]; other.Op != "'" && c.w.symbols[other.Name] != nil {
		w.Values[other.Name] = c.w.Values[other.Name]
	}
	return w.compare(e)
}

// set returns the steps that give a symbol a value; nil if there are none.
func (c *costs) set(s *kconf.Symbol, value string) []step {
	if isBool(s) {
		level := triOf(value)
		if level != kconf.Mod {
			return []step{{expr: &kconf.Expr{Name: s.Name}, level: level}}
		}
		if s.Type == "bool" || c.w.tri("MODULES") != kconf.Yes {
			return nil
		}
		if c.w.tri(s.Name) != kconf.Yes {
			return []step{{expr: &kconf.Expr{Name: s.Name}, level: level}}
		}
		return []step{{line: &kconfigs.Setting{Symbol: s.Name, Value: "m"}, cost: costLine + c.asked(s.Name, "m")}}
	}
	if prompts := of(s, "prompt"); len(prompts) > 0 {
		if s.Type == "string" {
			value = strconv.Quote(value)
		}
		line := step{line: &kconfigs.Setting{Symbol: s.Name, Value: value}, cost: costLine + c.asked(s.Name, value)}
		return []step{{expr: visibleIf(s), level: kconf.Mod}, line}
	}
	for _, p := range of(s, "default") {
		if len(p.Value.Args) == 0 && p.Value.Name == value && c.w.eval(p.If) == kconf.No {
			return []step{{expr: p.If, level: kconf.Mod, cost: costIndirect}}
		}
	}
	return nil
}

// asked is the cost of contradicting the request with a value.
func (c *costs) asked(name, value string) int {
	asked, ok := c.w.Asked[name]
	switch {
	case !ok || asked.Value == value:
		return 0
	case asked.Fragment == "":
		return costAdded
	}
	return costAsked
}

// others are the steps that switch off the other members of a choice.
func (c *costs) others(s *kconf.Symbol) []step {
	var all []step
	for _, m := range c.w.members[s.Choice] {
		if m != s.Name && c.w.tri(m) == kconf.Yes {
			all = append(all, step{line: &kconfigs.Setting{Symbol: m, Value: "n"}, cost: c.asked(m, "n")})
		}
	}
	return all
}

// taker collects the lines of the cheapest way, dependencies first.
type taker struct {
	*costs
	lines []kconfigs.Setting
	taken map[string]bool // symbols with their levels
}

func (t *taker) steps(steps []step) {
	for _, st := range steps {
		if st.line == nil {
			t.expr(st.expr, st.level)
		}
	}
	for _, st := range steps {
		if st.line == nil || t.taken["="+st.line.Symbol] {
			continue
		}
		t.taken["="+st.line.Symbol] = true
		t.lines = append(t.lines, *st.line)
	}
}

// expr follows the cheapest way of an expression to a level; there must be one.
func (t *taker) expr(e *kconf.Expr, level kconf.Tri) {
	if t.costs.expr(e, level) == 0 {
		return
	}
	switch e.Op {
	case "":
		key := level.String() + e.Name
		if t.taken[key] {
			return
		}
		t.taken[key] = true
		steps, _ := t.route(e.Name, level)
		t.steps(steps)
	case "!":
		t.expr(&e.Args[0], opposite(level))
	case "&&", "||":
		if (e.Op == "&&") == (level > kconf.No) {
			for i := range e.Args {
				t.expr(&e.Args[i], level)
			}
			return
		}
		best := 0
		for i := range e.Args {
			if t.costs.expr(&e.Args[i], level) < t.costs.expr(&e.Args[best], level) {
				best = i
			}
		}
		t.expr(&e.Args[best], level)
	case "'":
	default:
		steps, _ := t.comparison(e, level)
		t.steps(steps)
	}
}

// lines returns the cheapest way to a value of a symbol, as lines of a .config; ok is false if
// there is none.
func (c *costs) lines(goal kconfigs.Setting) (lines []kconfigs.Setting, ok bool) {
	s := c.w.symbols[goal.Symbol]
	t := &taker{costs: c, taken: map[string]bool{}}
	var steps []step
	if isBool(s) && isTri(goal.Value) {
		steps = []step{{expr: &kconf.Expr{Name: goal.Symbol}, level: triOf(goal.Value)}}
	} else {
		steps = []step{{expr: visibleIf(s), level: kconf.Mod}, {line: &goal, cost: costLine}}
	}
	if c.total(steps) >= never {
		return nil, false
	}
	t.steps(steps)
	return t.lines, true
}

func isTri(v string) bool { return v == "y" || v == "m" || v == "n" }

package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Kernel is the kernel's own Kconfig code and its files.
type Kernel struct {
	// Settle returns the values of all symbols when lines are added to the state's own; they
	// replace lines about the same symbols.
	Settle func(lines []kconfigs.Setting) (map[string]kconf.Value, error)
	// Expand replaces the macros in text from a Kconfig file.
	Expand func(text string) (string, error)
	// Read returns a file of the source.
	Read func(name string) ([]byte, error)
}

// Way is what to add to a .config so that symbols get their wanted values.
type Way struct {
	// Add are the lines, dependencies first. Kconfig has confirmed that all of them lead to
	// the values, and that without any one of them they do not.
	Add []string `json:"add,omitempty"`
	// Against are the places that ask for the opposite of one of the lines, and have to go.
	Against []string `json:"against,omitempty"`
	// Note says how the values differ from the wanted ones; empty if they do not.
	Note string `json:"note,omitempty"`
	// Never is set if no line of any .config leads there.
	Never bool `json:"never,omitempty"`
}

// maxTries limits how often a way is repaired after Kconfig did not accept it.
const maxTries = 12

// Way finds the lines to add so that goals are met, without those that w already has. It is
// an error if Kconfig cannot be asked, or if no list was found although one may exist.
func (w *ConfigState) Way(goals ...kconfigs.Setting) (Way, error) {
	s := &seeker{w: w}
	for _, g := range goals {
		if !w.Has(g.Symbol) {
			return Way{Never: true}, nil
		}
		s.want(g)
	}
	s.now = s.w
	lines, err := s.seek()
	if err != nil || s.way.Never {
		return s.way, err
	}
	if lines, err = s.least(lines); err != nil {
		return s.way, err
	}
	for _, l := range s.w.inOrder(lines) {
		s.way.Add = append(s.way.Add, strings.TrimSpace(kconfigs.Request{Settings: []kconfigs.Setting{l}}.Text()))
	}
	s.way.Against, err = s.against(lines)
	return s.way, err
}

// Seek adds the way to a value of the symbol. An empty value means on, as a module where
// there are modules.
func (e *Explanation) Seek(w *ConfigState, value string) error {
	s := w.symbols[e.Symbol]
	if value == "" {
		if !isBool(s) || w.tri(e.Symbol) > kconf.No {
			return nil
		}
		value = "y"
		if s.Type == "tristate" && w.tri("MODULES") == kconf.Yes {
			value = "m"
		}
	}
	way, err := w.Way(kconfigs.Setting{Symbol: e.Symbol, Value: value})
	if err != nil {
		return fmt.Errorf("finding what %s=%s needs: %w", e.Symbol, value, err)
	}
	e.Wanted, e.Way = value, &way
	if why := w.Refused(e.Symbol, value); why != "" {
		e.Why = why
	}
	return nil
}

// String describes it in words. It is empty if there is nothing to do.
func (way Way) String() string {
	add := slices.Clone(way.Add)
	for i, l := range add {
		if strings.HasPrefix(l, "#") {
			add[i] = `"` + l + `"`
		}
	}
	var parts []string
	if len(add) > 0 {
		parts = append(parts, "add "+strings.Join(add, ", "))
	}
	if way.Note != "" {
		parts = append(parts, way.Note)
	}
	text := strings.Join(parts, ", and ")
	if len(way.Against) > 0 {
		const shown = 3
		text = "it is impossible while " + strings.Join(way.Against[:min(len(way.Against), shown)], " and ") +
			more(len(way.Against)-shown) + "; else " + text
	}
	return text
}

// After appends it to a reason, without repetition.
func (way Way) After(reason string) string {
	text := way.String()
	if text == "" {
		return reason
	}
	var clauses []string
	for c := range strings.SplitSeq(reason, "; ") {
		said := strings.HasPrefix(c, noModules) || strings.HasPrefix(c, "it cannot be a module")
		if !strings.HasPrefix(c, "nothing asks for ") && (way.Note == "" || !said) {
			clauses = append(clauses, c)
		}
	}
	if len(clauses) == 0 {
		return text
	}
	if len(way.Against) == 1 && strings.Contains(reason, "as "+strings.Fields(way.Against[0])[0]+" asks") {
		way.Against = nil
		return strings.Join(clauses, "; ") + "; without that line: " + way.String()
	}
	return strings.Join(clauses, "; ") + ": " + text
}

// seeker looks for a way.
type seeker struct {
	w     *ConfigState
	goals []kconfigs.Setting
	// instead are goals that the request has as m, and that must be y.
	instead []kconfigs.Setting
	now     *ConfigState // with the lines found so far
	way     Way
}

// want adds a goal. Where there can be no module, m becomes y.
func (s *seeker) want(g kconfigs.Setting) {
	if g.Value == "m" {
		asked, fixed := s.w.Asked["MODULES"]
		switch {
		case s.w.symbols[g.Symbol].Type == "bool":
			g.Value, s.way.Note = "y", "ask for y: "+g.Symbol+" cannot be a module"
		case s.w.tri("MODULES") == kconf.Yes:
		case fixed && asked.Value == "n":
			g.Value = "y"
			s.way.Note = "ask for y: there are no modules here, as " + place(asked.Fragment, asked.Line) + " asks"
		default:
			s.want(kconfigs.Setting{Symbol: "MODULES", Value: "y"})
		}
	}
	s.goals = append(s.goals, g)
	if asked, ok := s.w.Asked[g.Symbol]; ok && asked.Value == "m" && g.Value == "y" {
		s.instead = append(s.instead, g)
		w := *s.w
		w.Asked, w.estimated = maps.Clone(w.Asked), nil
		asked.Value = "y"
		w.Asked[g.Symbol] = asked
		s.w = &w
	}
}

func (s *seeker) met(w *ConfigState, g kconfigs.Setting) bool {
	if isBool(w.symbols[g.Symbol]) {
		return w.value(g.Symbol) == g.Value
	}
	return sameNumber(unquote(g.Value), w.value(g.Symbol))
}

func sameNumber(a, b string) bool {
	x, xok := number(a, "")
	y, yok := number(b, "")
	return a == b || xok && yok && x == y
}

func (s *seeker) allMet(w *ConfigState) bool {
	return !slices.ContainsFunc(s.goals, func(g kconfigs.Setting) bool { return !s.met(w, g) })
}

// seek adds lines until Kconfig returns the wanted values.
func (s *seeker) seek() ([]kconfigs.Setting, error) {
	var lines []kconfigs.Setting
	for range maxTries {
		i := slices.IndexFunc(s.goals, func(g kconfigs.Setting) bool { return !s.met(s.now, g) })
		if i < 0 {
			return lines, nil
		}
		more, ok := s.now.costs().lines(s.goals[i])
		if !ok {
			s.way.Never = s.now == s.w
			if !s.way.Never {
				return nil, fmt.Errorf("%s has no way left once %s is set", s.goals[i].Symbol, lines[0].Symbol)
			}
			return nil, nil
		}
		if s.goals[i].Value == "m" && s.now.tri(s.goals[i].Symbol) == kconf.Yes {
			more = append(more, s.goals[i])
		}
		before := len(lines)
		lines = merge(lines, more)
		if len(lines) == before && s.now != s.w {
			return nil, fmt.Errorf("setting %s: %s", s.goals[i].Symbol, s.now.Refused(s.goals[i].Symbol, s.goals[i].Value))
		}
		now, err := s.with(lines)
		if err != nil {
			return nil, err
		}
		s.now = now
	}
	return nil, fmt.Errorf("no list of lines was found in %d tries", maxTries)
}

// merge appends lines to others, and replaces those about the same symbols.
func merge(lines, more []kconfigs.Setting) []kconfigs.Setting {
	lines = slices.Clone(lines)
	for _, m := range more {
		if i := slices.IndexFunc(lines, func(l kconfigs.Setting) bool { return l.Symbol == m.Symbol }); i >= 0 {
			lines[i] = m
		} else {
			lines = append(lines, m)
		}
	}
	return lines
}

// with asks Kconfig for the state with more lines.
func (s *seeker) with(lines []kconfigs.Setting) (*ConfigState, error) {
	asked := maps.Clone(s.w.Asked)
	for _, l := range lines {
		if _, ok := asked[l.Symbol]; !ok {
			asked[l.Symbol] = l
		}
	}
	values, err := s.w.Kernel.Settle(merge(s.instead, lines))
	if err != nil {
		return nil, err
	}
	return &ConfigState{Tree: s.w.Tree, Values: values, Asked: asked, Start: s.w.Start, Kernel: s.w.Kernel}, nil
}

// Possible reports whether a symbol may be able to get a value.
func (w *ConfigState) Possible(goal kconfigs.Setting) bool {
	if !w.Has(goal.Symbol) {
		return false
	}
	_, ok := w.costs().lines(goal)
	return ok
}

// inOrder sorts lines so that each prompt is visible when its turn comes.
func (t *Tree) inOrder(lines []kconfigs.Setting) []kconfigs.Setting {
	var all []kconfigs.Setting
	var put func(l kconfigs.Setting)
	seen := map[string]bool{}
	put = func(l kconfigs.Setting) {
		if seen[l.Symbol] {
			return
		}
		seen[l.Symbol] = true
		s := t.symbols[l.Symbol]
		for _, o := range lines {
			if slices.Contains(leaves(visibleIf(s), leaves(s.Depends, nil)), o.Symbol) {
				put(o)
			}
		}
		all = append(all, l)
	}
	for _, l := range lines {
		if l.Symbol != "MODULES" {
			put(l)
		}
	}
	return append(all, slices.DeleteFunc(slices.Clone(lines), func(l kconfigs.Setting) bool { return seen[l.Symbol] })...)
}

// least removes the lines without which the goals are met too.
func (s *seeker) least(lines []kconfigs.Setting) ([]kconfigs.Setting, error) {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l kconfigs.Setting) bool {
		asked, ok := s.w.Asked[l.Symbol]
		return ok && asked.Value == l.Value // it is there, and needs the others
	})
	for i := len(lines) - 1; i >= 0; i-- {
		fewer := slices.Delete(slices.Clone(lines), i, i+1)
		w, err := s.with(fewer)
		if err != nil {
			return nil, err
		}
		if s.allMet(w) {
			lines, s.now = fewer, w
		}
	}
	return lines, nil
}

// against names the settings that w asks for and would lose.
func (s *seeker) against(lines []kconfigs.Setting) ([]string, error) {
	now, err := s.with(lines)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(s.w.Asked)) {
		a := s.w.Asked[name]
		lost := a.Fragment != "" && s.w.symbols[name] != nil && s.met(s.w, a) && !s.met(now, a)
		if lost {
			all = append(all, fmt.Sprintf("%s asks for %s", place(a.Fragment, a.Line), setting(a)))
		}
	}
	return all, nil
}

func setting(s kconfigs.Setting) string { return s.Symbol + "=" + s.Value }

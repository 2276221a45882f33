package explain

import (
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// forcedOn explains why a symbol that could have been off is on.
func (c *chain) forcedOn(s *kconf.Symbol) {
	w := c.w
	var by, parts []string
	for _, sel := range w.selectors[s.Name] {
		if w.strength(sel) > kconf.No {
			by = append(by, sel.name)
			parts = append(parts, fmt.Sprintf("%s (%s)%s", sel.name, at(sel.prop), w.asAsked(sel.name)))
		}
	}
	if len(by) > 0 {
		c.add("%s is selected by %s", c.called(s.Name), strings.Join(parts[:min(len(by), 5)], " and ")+more(len(by)-5))
		if len(by) == 1 && w.asAsked(by[0]) == "" && !c.told[by[0]] && len(c.clauses) < maxClauses {
			c.told[by[0]] = true
			c.forcedOn(w.symbols[by[0]])
		}
		return
	}
	if s.Choice != "" {
		c.add("a member of the %s must be on, and %s is%s", s.Choice, c.called(s.Name), w.asAsked(s.Name))
		return
	}
	reason := c.called(s.Name) + " has no prompt"
	switch {
	case w.Values[s.Name].Visible > kconf.No:
		reason = ""
	case len(of(s, "prompt")) > 0:
		hidden := &chain{w: w, told: map[string]bool{s.Name: true}}
		hidden.needs(s.Name, visibleIf(s), kconf.Yes)
		reason = fmt.Sprintf("the prompt of %s is hidden (%s)", s.Name, strings.Join(hidden.clauses[:min(len(hidden.clauses), 1)], ""))
	}
	c.byDefault(s, reason)
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

// byDefault names the default or the imply that set a symbol.
func (c *chain) byDefault(s *kconf.Symbol, reason string) {
	w := c.w
	join := func(text string, args ...any) {
		if reason != "" {
			text = reason + ", and " + text
		}
		c.add(text, args...)
	}
	for _, sel := range w.implies[s.Name] {
		if w.strength(sel) > kconf.No {
			join("%s implies it (%s)", sel.name, at(sel.prop))
			return
		}
	}
	for _, p := range of(s, "default") {
		if w.eval(p.If) > kconf.No {
			join("its default is %s (%s)", conditional(p.Value.String(), own(p.If, s)), at(p))
			return
		}
	}
	if reason == "" {
		reason = "as in the .config at the start"
	}
	c.add("%s", reason)
}

// number explains why a number or a string is not as requested.
func (c *chain) number(s *kconf.Symbol, wanted string) {
	w := c.w
	if wanted != "" && (wanted == "y" || wanted == "m" || wanted == "n") {
		c.add("it takes a value of type %s, not y, m or n", s.Type)
		return
	}
	if w.Values[s.Name].Visible == kconf.No {
		if len(of(s, "prompt")) == 0 {
			c.byDefault(s, "it has no prompt")
			return
		}
		c.needs(s.Name, visibleIf(s), kconf.Yes)
		return
	}
	for _, p := range of(s, "range") {
		if w.eval(p.If) > kconf.No && wanted != "" {
			c.add("the range is %s to %s (%s)", w.operandText(&p.Value.Args[0]), w.operandText(&p.Value.Args[1]), at(p))
			return
		}
	}
	if wanted == "" {
		c.byDefault(s, "")
	}
}

func (w *ConfigState) operandText(e *kconf.Expr) string {
	v, _ := w.operand(e)
	return v
}

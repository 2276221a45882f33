package explanation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/explain"
)

// rows returns what can differ between the explanations of a symbol; nil where a kernel has none.
func rows(all []*Explanation) (out []row) {
	one := func(label string, of func(e *Explanation) string) {
		out = append(out, newRow(all, label, func(e *Explanation) []string { return nonEmpty(of(e)) }))
	}
	many := func(label, join string, of func(e *Explanation) []string) {
		r := newRow(all, label, of)
		r.join = join
		out = append(out, r)
	}
	one("prompt", func(e *Explanation) string { return e.Prompt })
	one("value", func(e *Explanation) string { return e.Value })
	one("why", func(e *Explanation) string { return e.Why })
	one("way", way)
	one("type", func(e *Explanation) string { return e.Type })
	many("defined", "", func(e *Explanation) []string { return e.Places })
	many("depends on", " && ", func(e *Explanation) []string { return factors(e.Depends) })
	many("prompt if", " && ", func(e *Explanation) []string { return factors(e.PromptIf) })
	many("choice", "", func(e *Explanation) []string { return e.Members })
	many("default", "; ", func(e *Explanation) []string { return e.Defaults })
	many("range", "; ", func(e *Explanation) []string { return e.Ranges })
	many("selected by", "", func(e *Explanation) []string { return links(e.SelectedBy) })
	many("implied by", "", func(e *Explanation) []string { return links(e.ImpliedBy) })
	many("selects", "", func(e *Explanation) []string { return links(e.Selects) })
	many("implies", "", func(e *Explanation) []string { return links(e.Implies) })
	many("without it", "", func(e *Explanation) []string { return lost(e.Without) })
	gone := newRow(all, "also lost", func(e *Explanation) []string { return e.Without.Gone })
	gone.brief = true
	out = append(out, gone)
	many("checked", "; ", func(e *Explanation) []string { return e.checked() })
	many("against", "; ", func(e *Explanation) []string { return e.contradictions() })
	help := newRow(all, "help", func(e *Explanation) []string { return strings.Split(strings.TrimSpace(e.Help), "\n") })
	help.brief = true
	out = append(out, help)
	return slices.DeleteFunc(out, func(r row) bool {
		return !slices.ContainsFunc(r.cells, func(c []string) bool { return len(nonEmpty(c...)) > 0 })
	})
}

func newRow(all []*Explanation, label string, of func(e *Explanation) []string) row {
	r := row{label: label}
	for _, e := range all {
		var items []string
		if e != nil {
			items = nonEmpty(of(e)...)
		}
		r.cells = append(r.cells, items)
	}
	return r
}

func nonEmpty(items ...string) (all []string) {
	for _, item := range items {
		if item = strings.TrimSpace(item); item != "" {
			all = append(all, item)
		}
	}
	return all
}

// way says how to get to the wanted value.
func way(e *Explanation) string {
	switch {
	case e.Way == nil:
		return ""
	case e.Way.Never:
		return "for " + e.Wanted + ": impossible in any .config"
	case e.Way.String() == "":
		return "for " + e.Wanted + ": nothing to add"
	}
	return "for " + e.Wanted + ": " + e.Way.String()
}

// factors splits an expression into the parts that must all be met.
func factors(expr string) (all []string) {
	depth, quoted, begin := 0, false, 0
	for i, r := range expr {
		switch {
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth == 0 && strings.HasPrefix(expr[i:], " && "):
			all = append(all, expr[begin:i])
			begin = i + len(" && ")
		}
	}
	return append(all, expr[begin:])
}

// links lists selecting or selected symbols with their conditions.
func links(of []explain.Link) (all []string) {
	for _, l := range of {
		text := l.Symbol
		if l.If != "" {
			text += " if " + l.If
		}
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// lost counts what is lost without a symbol, by directory.
func lost(c explain.Closure) []string {
	others := len(c.Gone) - len(c.Off)
	if others == 0 {
		return []string{"nothing else is lost"}
	}
	all := []string{fmt.Sprintf("%d more can never be set", others)}
	for _, p := range c.Parts {
		all = append(all, fmt.Sprintf("%s %d", p.Dir, p.Symbols))
	}
	return all
}

func (e *Explanation) checked() (all []string) {
	if e.Check == nil {
		return nil
	}
	all = []string{fmt.Sprintf("with everything else on, %d are gone, and %d can never be set", e.Check.Measured, len(e.Check.Closure.Gone))}
	for _, d := range e.Check.Differences {
		all = append(all, fmt.Sprintf("%s differs: %s: %s", d.Symbol, d.Class, d.Reason))
	}
	return all
}

func (e *Explanation) contradictions() (all []string) {
	if e.Against == nil {
		return nil
	}
	c := e.Against
	all = []string{
		fmt.Sprintf("%d probes are absent because a symbol goes off with %s, %d because another symbol is off", c.Gone, e.Symbol, c.Off),
		fmt.Sprintf("%d work with all their symbols on", c.On),
	}
	for _, d := range c.Disagree {
		state := "works although off"
		if d.On {
			state = strings.TrimRight("absent although on: "+d.Errno, ": ")
		}
		all = append(all, fmt.Sprintf("%s: %s %s", d.Probe, strings.Join(d.Symbols, ","), state))
	}
	return all
}

package explain

import (
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Explanation is everything known about a symbol. Fields that do not apply are empty.
type Explanation struct {
	Symbol string `json:"symbol"`
	Type   string `json:"type"`
	// Transitional is set if only an old .config sets it.
	Transitional bool   `json:"transitional,omitempty"`
	Prompt       string `json:"prompt,omitempty"`
	// PromptIf is the condition under which the prompt is visible, apart from Depends.
	// Without a visible prompt the symbol has its default.
	PromptIf string `json:"prompt_if,omitempty"`
	Help     string `json:"help,omitempty"`
	// Places are where it is defined, as file:line.
	Places []string `json:"places"`
	// Depends is an expression as in a Kconfig file.
	Depends string `json:"depends,omitempty"`
	// Choice is the place of the choice it belongs to, and Members are all its members.
	Choice  string   `json:"choice,omitempty"`
	Members []string `json:"members,omitempty"`
	// Defaults and Ranges are lines as in a Kconfig file.
	Defaults []string `json:"defaults,omitempty"`
	Ranges   []string `json:"ranges,omitempty"`
	// SelectedBy switch it on regardless of its dependencies, ImpliedBy only where they
	// allow it. Selects and Implies are the symbols it switches on itself.
	SelectedBy []Link `json:"selected_by,omitempty"`
	ImpliedBy  []Link `json:"implied_by,omitempty"`
	Selects    []Link `json:"selects,omitempty"`
	Implies    []Link `json:"implies,omitempty"`
	// Without is what is lost without it.
	Without Closure `json:"without"`
	// Config names the .config that Value and Why are about; all three may be empty.
	Config string `json:"config,omitempty"`
	Value  string `json:"value,omitempty"`
	Why    string `json:"why,omitempty"`
	// Wanted is the value that Way leads to: the requested one, or m or y if it is off.
	Wanted string `json:"wanted,omitempty"`
	Way    *Way   `json:"way,omitempty"`
	// Check is nil unless it was requested.
	Check *Check `json:"check,omitempty"`
}

// Link is a select or imply line between two symbols.
type Link struct {
	Symbol string `json:"symbol"`
	// If is the condition of the line itself.
	If    string `json:"if,omitempty"`
	Place string `json:"place"`
	// Active is set if it has an effect in the .config.
	Active bool `json:"active,omitempty"`
}

// Explain returns what is true of a symbol in every .config.
func (t *Tree) Explain(name string) Explanation {
	return (&ConfigState{Tree: t}).Explain("", name)
}

// Explain also returns the symbol's value in w, which is called config, and the reason.
func (w *ConfigState) Explain(config, name string) Explanation {
	s := w.symbols[name]
	e := Explanation{
		Symbol: name, Type: s.Type, Transitional: s.Transitional, Without: w.Closure(name),
		Choice: strings.TrimPrefix(s.Choice, "choice "), Members: w.members[s.Choice],
		SelectedBy: w.links(w.selectors[name]), ImpliedBy: w.links(w.implies[name]),
		Selects: w.effects(s, "select"), Implies: w.effects(s, "imply"),
	}
	if e.Type == "integer" {
		e.Type = "int" // as the Kconfig files call it
	}
	for _, entry := range s.Entries {
		e.Places = append(e.Places, place(entry.File, entry.Line))
		if e.Help == "" {
			e.Help = entry.Help
		}
	}
	if prompts := of(s, "prompt"); len(prompts) > 0 {
		e.Prompt, e.PromptIf = prompts[0].Text, own(visibleIf(s), s)
	}
	if s.Depends != nil {
		e.Depends = s.Depends.String()
	}
	for _, p := range of(s, "default") {
		e.Defaults = append(e.Defaults, conditional(p.Value.String(), own(p.If, s))+" ("+at(p)+")")
	}
	for _, p := range of(s, "range") {
		text := p.Value.Args[0].String() + " " + p.Value.Args[1].String()
		e.Ranges = append(e.Ranges, conditional(text, own(p.If, s))+" ("+at(p)+")")
	}
	if config != "" {
		e.Config, e.Value, e.Why = config, w.value(name), w.Why(name)
	}
	return e
}

func conditional(text, cond string) string {
	if cond == "" {
		return text
	}
	return text + " if " + cond
}

// own returns a line's condition without the dependencies of the symbol itself.
func own(cond *kconf.Expr, s *kconf.Symbol) string {
	if e := ownExpr(cond, s); e != nil {
		return e.String()
	}
	return ""
}

// ownExpr is own as an expression; nil for none.
func ownExpr(cond *kconf.Expr, s *kconf.Symbol) *kconf.Expr {
	known := map[string]bool{"y": true}
	for _, e := range conjuncts(s.Depends) {
		known[e.String()] = true
	}
	left := slices.DeleteFunc(conjuncts(cond), func(e *kconf.Expr) bool { return known[e.String()] })
	if len(left) == 0 {
		return nil
	}
	return allOf(left)
}

func conjuncts(e *kconf.Expr) []*kconf.Expr {
	if e == nil || e.Op != "&&" {
		return []*kconf.Expr{e}
	}
	var all []*kconf.Expr
	for i := range e.Args {
		all = append(all, &e.Args[i])
	}
	return all
}

// links lists selectors, the active ones first.
func (w *ConfigState) links(by []selector) []Link {
	var all []Link
	for _, sel := range by {
		all = append(all, Link{sel.name, own(sel.prop.If, w.symbols[sel.name]), at(sel.prop), w.strength(sel) > kconf.No})
	}
	slices.SortStableFunc(all, func(a, b Link) int {
		if a.Active == b.Active {
			return strings.Compare(a.Symbol, b.Symbol)
		}
		return map[bool]int{true: -1, false: 1}[a.Active]
	})
	return all
}

// effects lists what a symbol selects or implies.
func (w *ConfigState) effects(s *kconf.Symbol, kind string) []Link {
	var all []Link
	for _, p := range of(s, kind) {
		all = append(all, Link{p.Value.Name, own(p.If, s), at(p), w.strength(selector{s.Name, p}) > kconf.No})
	}
	return all
}

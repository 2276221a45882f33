package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// ConfigState is one .config: the value of every symbol, and the request that led to it.
type ConfigState struct {
	*Tree
	// Values are those of all symbols.
	Values map[string]kconf.Value
	// Asked are the settings of the request, by symbol. Other symbols with a prompt are
	// assumed to be off, as with allnoconfig.
	Asked map[string]kconfigs.Setting
	// Start are the lines of the .config that the request was applied to. Unlike the
	// request's they may be overridden.
	Start map[string]kconfigs.Setting
	// Kernel answers what Values do not say; it may be nil.
	Kernel *Kernel

	estimated *costs
}

// NewConfigState returns the state of a tree in which a request led to values.
func NewConfigState(t *Tree, values map[string]kconf.Value, req kconfigs.Request) *ConfigState {
	w := &ConfigState{Tree: t, Values: values, Asked: map[string]kconfigs.Setting{}}
	for _, s := range req.Settings {
		w.Asked[s.Symbol] = s
	}
	return w
}

const (
	noModules = "there are no modules here"
	onlyOld   = "transitional: only an old .config sets it"
)

// maxClauses limits the length of a chain of reasons.
const maxClauses = 6

// Refused returns in one line why a symbol does not have a wanted value, which is written
// as in a .config: y, m, n, a number or a quoted string. It is empty if nothing prevents it.
func (w *ConfigState) Refused(name, wanted string) string {
	s := w.symbols[name]
	if s == nil {
		return "no Kconfig file that is read for " + w.arch + " defines it"
	}
	c := &chain{w: w, told: map[string]bool{name: true}}
	switch {
	case s.Transitional && wanted != "n":
		c.transitional(s)
	case wanted == w.Values[name].Value || s.Type == "string" && unquote(wanted) == w.Values[name].Value:
	case !isBool(s):
		c.number(s, wanted)
	case wanted == "n":
		c.forcedOn(s)
	case wanted != "y" && wanted != "m":
		c.add("it is a %s and cannot be %s", s.Type, wanted)
	case wanted == "m" && s.Type == "bool":
		c.add("it cannot be a module: ask for y")
	case wanted == "m" && w.tri("MODULES") == kconf.No:
		c.add(noModules + ": ask for y")
		if w.tri(name) == kconf.No {
			c.off(s, kconf.Yes)
		}
	case wanted == "m" && w.tri(name) == kconf.Yes && w.Values[name].Selected == kconf.Yes:
		c.forcedOn(s)
	default:
		c.off(s, triOf(wanted))
	}
	return strings.Join(c.clauses, "; ")
}

// Why returns in one line why a symbol has its value.
func (w *ConfigState) Why(name string) string {
	s := w.symbols[name]
	if s == nil {
		return w.Refused(name, "y")
	}
	asked, ok := w.line(name)
	got := w.Values[name]
	switch {
	case s.Transitional:
		return w.Refused(name, "y")
	case ok && got.Visible > kconf.No && unquote(asked.Value) == got.Value:
		return "as " + place(asked.Fragment, asked.Line) + " asks"
	case ok && unquote(asked.Value) != got.Value:
		return fmt.Sprintf("%s asks for %s; %s", place(asked.Fragment, asked.Line), asked.Value, w.Refused(name, asked.Value))
	case isBool(s) && w.tri(name) > kconf.No:
		return w.Refused(name, "n")
	case isBool(s):
		return w.Refused(name, "y")
	}
	c := &chain{w: w, told: map[string]bool{name: true}}
	c.number(s, "")
	return strings.Join(c.clauses, "; ")
}

func unquote(v string) string {
	if len(v) < 2 || v[0] != '"' {
		return v
	}
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(v[1 : len(v)-1])
}

// chain is a sequence of reasons, each of which explains a symbol that the one before named.
type chain struct {
	w       *ConfigState
	told    map[string]bool
	clauses []string
}

func (c *chain) add(format string, args ...any) {
	c.clauses = append(c.clauses, fmt.Sprintf(format, args...))
}

// off explains why a symbol is below the wanted value.
func (c *chain) off(s *kconf.Symbol, wanted kconf.Tri) {
	w := c.w
	prompts := of(s, "prompt")
	switch {
	case s.Transitional:
		c.transitional(s)
	case w.Values[s.Name].Visible >= wanted || w.Values[s.Name].Visible > kconf.No && w.eval(visibleIf(s)) >= wanted:
		c.notAsked(s)
	case len(prompts) > 0:
		c.needs(s.Name, visibleIf(s), wanted)
	case w.eval(s.Depends) < wanted && !w.hopelessFor(s, wanted):
		c.needs(s.Name, s.Depends, wanted)
	default:
		c.noPrompt(s, wanted)
	}
}

// transitional names the symbols that have the value of a transitional symbol by default.
func (c *chain) transitional(s *kconf.Symbol) {
	var heirs []string
	for _, name := range c.w.Names() {
		if slices.ContainsFunc(of(c.w.symbols[name], "default"), func(p kconf.Property) bool {
			return slices.Contains(leaves(p.Value, nil), s.Name)
		}) {
			heirs = append(heirs, name)
		}
	}
	text := c.called(s.Name) + " is " + onlyOld
	if len(heirs) > 0 {
		text += ", as the default of " + list(heirs, 3) + ": ask for that"
	}
	c.add("%s", text)
}

// visibleIf is the condition under which one of a symbol's prompts is visible.
func visibleIf(s *kconf.Symbol) *kconf.Expr { return anyOf(of(s, "prompt")) }

func anyOf(props []kconf.Property) *kconf.Expr {
	all := &kconf.Expr{Op: "||"}
	for _, p := range props {
		if p.If == nil {
			return nil
		}
		all.Args = append(all.Args, *p.If)
	}
	if len(all.Args) == 1 {
		return &all.Args[0]
	}
	return all
}

// notAsked explains a symbol that could be on.
func (c *chain) notAsked(s *kconf.Symbol) {
	w := c.w
	if s.Choice != "" {
		if i := slices.IndexFunc(w.members[s.Choice], func(m string) bool { return w.tri(m) == kconf.Yes }); i >= 0 {
			other := w.members[s.Choice][i]
			c.add("only one member of the %s can be on: %s%s", s.Choice, other, w.asAsked(other))
			return
		}
	}
	a, ok := w.line(s.Name)
	if ok && triOf(a.Value) == kconf.No {
		c.add("%s asks for that", place(a.Fragment, a.Line))
	} else if !ok {
		c.add("nothing asks for %s", c.called(s.Name))
	}
}

// line returns the line that sets a symbol: the request's, or else the start's.
func (w *ConfigState) line(name string) (kconfigs.Setting, bool) {
	if a, ok := w.Asked[name]; ok {
		return a, true
	}
	a, ok := w.Start[name]
	return a, ok
}

// asAsked returns the place in the request that set a symbol's value.
func (w *ConfigState) asAsked(name string) string {
	if a, ok := w.Asked[name]; ok && unquote(a.Value) == w.Values[name].Value {
		return ", as " + place(a.Fragment, a.Line) + " asks"
	}
	return ""
}

// called is a symbol's name in a clause: the subject of the question is "it".
func (c *chain) called(name string) string {
	if len(c.clauses) == 0 {
		return "it"
	}
	return name
}

// noPrompt explains a symbol that only others can switch on.
func (c *chain) noPrompt(s *kconf.Symbol, wanted kconf.Tri) {
	w := c.w
	text := c.called(s.Name) + " has no prompt"
	if defaults := of(s, "default"); len(defaults) > 0 {
		p := defaults[0]
		if i := slices.IndexFunc(defaults, func(p kconf.Property) bool { return w.eval(p.If) > kconf.No }); i >= 0 {
			p = defaults[i]
		}
		text += fmt.Sprintf(", and is %s by default (%s)", conditional(p.Value.String(), own(p.If, s)), at(p))
	}
	var by []string
	for _, sel := range w.selectors[s.Name] {
		by = append(by, sel.name)
	}
	if len(by) == 0 {
		if defaults := of(s, "default"); len(defaults) == 1 && len(leaves(defaults[0].Value, nil)) > 0 {
			c.needs(s.Name, allOf([]*kconf.Expr{defaults[0].Value, orYes(defaults[0].If)}), wanted)
		} else if !c.needsTools(s) {
			c.add("%s, and nothing selects it", text)
		}
		return
	}
	slices.Sort(by)
	by = slices.Compact(by)
	if len(by) == 1 {
		c.add("%s: %s would select it, which is %s%s", text, by[0], w.value(by[0]), w.asAsked(by[0]))
		c.follow(by[0], wanted)
		return
	}
	c.add("%s: one of %s must select it", text, list(by, 8))
}

// list joins at most n words and counts the rest.
func list(words []string, n int) string {
	if len(words) > n {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:n], ", "), len(words)-n)
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// needs names the unmet parts of an expression, and then explains each of them.
func (c *chain) needs(name string, e *kconf.Expr, wanted kconf.Tri) {
	blocking := c.w.decisive(c.w.firstOf(c.w.blockers(e, wanted), wanted), wanted)
	var parts, next []string
	for _, b := range blocking {
		if b.Op == "'" && c.needsTools(c.w.symbols[name]) {
			return
		}
		parts = append(parts, c.blocker(b))
		if b.Op == "" && c.w.tool(b.Name) == "" {
			next = append(next, b.Name)
		}
		if b.Op == "||" && c.w.costs().expr(b, wanted) >= never {
			next = leaves(b, next)
		}
	}
	if len(parts) > 0 {
		c.add("%s needs %s", c.called(name), strings.Join(parts, ", and "))
	}
	for _, n := range next {
		c.follow(n, wanted)
	}
}

// follow explains a symbol that another needs, unless that was done or the request set it.
func (c *chain) follow(name string, wanted kconf.Tri) {
	s := c.w.symbols[name]
	if s == nil || c.told[name] || len(c.clauses) >= maxClauses || c.w.asAsked(name) != "" || isChoice(name) {
		return
	}
	c.told[name] = true
	c.off(s, wanted)
}

// blocker describes an unmet part of an expression.
func (c *chain) blocker(e *kconf.Expr) string {
	w := c.w
	switch {
	case e.Op == "" && w.symbols[e.Name] == nil:
		return e.Name + ", which this kernel does not have on " + w.arch
	case e.Op == "" && w.tool(e.Name) != "":
		return e.Name + ": " + w.tool(e.Name)
	case e.Op == "":
		return fmt.Sprintf("%s, which is %s%s", e.Name, w.value(e.Name), w.asAsked(e.Name))
	case len(e.Args) == 2 && inverse[e.Op] != "" && w.tool(e.Args[0].Name) != "":
		if wanted := wantedRelease(e.Args[0].Name, e.Op, e.Args[1].Name); wanted != "" {
			return fmt.Sprintf("%s (%s): %s", wanted, e, w.tool(e.Args[0].Name))
		}
		return fmt.Sprintf("%s: %s", e, w.tool(e.Args[0].Name))
	case e.Op == "'":
		return "something that is never true"
	case e.Op == "!" && e.Args[0].Op == "":
		name := e.Args[0].Name
		return fmt.Sprintf("%s to be off, and it is %s%s", name, w.value(name), w.asAsked(name))
	}
	var values []string
	for _, name := range leaves(e, nil) {
		if w.symbols[name] != nil && !slices.Contains(values, name+" is "+w.value(name)) {
			values = append(values, name+" is "+w.value(name))
		}
	}
	if len(values) == 0 {
		return e.String() + ", which is never true"
	}
	return fmt.Sprintf("%s (%s)", e, strings.Join(values[:min(len(values), 6)], ", "))
}

// leaves appends the symbols in an expression to all.
func leaves(e *kconf.Expr, all []string) []string {
	if e == nil {
		return all
	}
	if e.Op == "" {
		return append(all, e.Name)
	}
	for i := range e.Args {
		all = leaves(&e.Args[i], all)
	}
	return all
}

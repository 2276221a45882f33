package explain

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Values returns the values of all symbols when everything with a prompt is on, except
// where the request, in the form of a .config, says otherwise.
type Values func(ctx context.Context, request []byte) (map[string]kconf.Value, error)

// Check compares a closure with the kernel's own code: everything is switched on, once with
// the symbol and once without.
type Check struct {
	// Closure is that of the symbol and of everything that selects it.
	Closure Closure `json:"closure"`
	// Measured is the number of symbols that have a value only with the symbol.
	Measured int `json:"measured"`
	// Differences are the symbols that are in only one of the two.
	Differences []Difference `json:"differences"`
}

// Difference is a symbol that is only in a Closure or only in the measurement, and why that
// is no contradiction.
type Difference struct {
	Symbol string `json:"symbol"`
	// Closure is set if it is in the closure.
	Closure bool `json:"closure"`
	// Class is one of the constants below.
	Class string `json:"class"`
	// Reason explains it in words.
	Reason string `json:"reason"`
}

// The classes of differences: why a symbol is off although everything is switched on.
const (
	// ClassChoice needs to be, or depends on, another member of its choice.
	ClassChoice = "choice"
	// ClassNegative needs something to be off.
	ClassNegative = "negative"
	// ClassUndefined needs a symbol that is not defined on the architecture.
	ClassUndefined = "undefined"
	// ClassComparison needs another number, string or third state.
	ClassComparison = "comparison"
	// ClassUnselected has no prompt, and nothing that selects it is on.
	ClassUnselected = "unselected"
	// ClassUnexplained is a defect of this package.
	ClassUnexplained = "unexplained"
)

// Check compares the closure of a symbol with values. It is an error if the symbol cannot
// be switched off.
func (t *Tree) Check(ctx context.Context, name string, values Values) (Check, error) {
	on, err := values(ctx, nil)
	if err != nil {
		return Check{}, err
	}
	off := []string{name}
	var without *ConfigState
	for {
		v, err := values(ctx, []byte("# CONFIG_"+strings.Join(off, " is not set\n# CONFIG_")+" is not set\n"))
		if err != nil {
			return Check{}, err
		}
		without = &ConfigState{Tree: t, Values: v}
		before := len(off)
		for _, o := range off {
			if without.on(o) {
				off = append(off, without.keepers(o, off)...)
			}
		}
		if len(off) == before {
			break
		}
	}
	for _, o := range off {
		if without.on(o) {
			return Check{}, fmt.Errorf("switching %s off: %s stays %s: %s", name, o, without.value(o), without.Refused(o, "n"))
		}
	}
	return t.compare(&ConfigState{Tree: t, Values: on}, without, off), nil
}

// on reports whether a symbol is on, or has a number or string.
func (w *ConfigState) on(name string) bool {
	if isBool(w.symbols[name]) {
		return w.tri(name) > kconf.No
	}
	return w.Values[name].Written
}

// keepers returns what selects a symbol and is not in off.
func (w *ConfigState) keepers(name string, off []string) []string {
	var all []string
	for _, sel := range w.selectors[name] {
		if w.strength(sel) > kconf.No && !slices.Contains(off, sel.name) {
			all = append(all, sel.name)
		}
	}
	return all
}

func (t *Tree) compare(with, without *ConfigState, off []string) Check {
	c := Check{Closure: t.Closure(off...)}
	measured := map[string]bool{}
	for name := range with.Values {
		if !isChoice(name) && with.on(name) && !without.on(name) {
			measured[name] = true
		}
	}
	c.Measured = len(measured)
	for _, name := range c.Closure.Gone {
		if measured[name] {
			delete(measured, name)
			continue
		}
		d := Difference{Symbol: name, Closure: true, Class: ClassUnexplained, Reason: "it is on without " + off[0]}
		if !without.on(name) {
			d.Class, d.Reason = with.classify(name, nil)
		}
		c.Differences = append(c.Differences, d)
	}
	for _, name := range slices.Sorted(maps.Keys(measured)) {
		d := Difference{Symbol: name}
		d.Class, d.Reason = without.classify(name, c.Closure.Gone)
		c.Differences = append(c.Differences, d)
	}
	return c
}

// classify returns why a symbol is off although everything is switched on. The symbols in
// known need no reason.
func (w *ConfigState) classify(name string, known []string) (class, reason string) {
	class, reason = (&classifier{w: w, known: known, seen: map[string]bool{}}).symbol(name)
	return class, strings.TrimPrefix(reason, name+": ")
}

type classifier struct {
	w     *ConfigState
	known []string
	seen  map[string]bool
}

// symbol returns the first class that fits the symbol or one it needs.
func (c *classifier) symbol(name string) (class, reason string) {
	w := c.w
	s := w.symbols[name]
	switch {
	case s == nil:
		return ClassUndefined, name + " is not defined on " + w.arch
	case c.seen[name]:
		return ClassUnexplained, name + " depends on itself"
	}
	c.seen[name] = true
	if s.Choice != "" && w.Values[name].Visible > kconf.No {
		return ClassChoice, name + ": " + w.Refused(name, "y")
	}
	for _, p := range s.Properties {
		if p.Kind == "prompt" || p.Kind == "default" {
			if class, reason := c.property(name, p); class != ClassUnexplained {
				return class, reason
			}
		}
	}
	for _, sel := range slices.Concat(w.selectors[name], w.implies[name]) {
		if class, reason := c.expr(allOf([]*kconf.Expr{{Name: sel.name}, orYes(sel.prop.If)})); class != ClassUnexplained {
			return ClassUnselected, fmt.Sprintf("%s would be switched on by %s: %s", name, sel.name, cmp.Or(reason, class))
		}
	}
	return ClassUnexplained, name + " is off for an unknown reason"
}

func orYes(e *kconf.Expr) *kconf.Expr {
	if e == nil {
		return &kconf.Expr{Op: "'", Name: "y"}
	}
	return e
}

// property classifies a hidden prompt or an unused default.
func (c *classifier) property(name string, p kconf.Property) (class, reason string) {
	e := orYes(p.If)
	if p.Kind == "default" && isBool(c.w.symbols[name]) {
		e = allOf([]*kconf.Expr{e, orYes(p.Value)})
	}
	return c.expr(e)
}

// expr classifies an expression that is n by the first of its blockers that has a class.
func (c *classifier) expr(e *kconf.Expr) (class, reason string) {
	class, reason = ClassUnexplained, ""
	for _, b := range c.w.blockers(e, kconf.Mod) {
		if got, why := c.blocker(b); got != ClassUnexplained {
			return got, why
		}
	}
	return class, reason
}

func (c *classifier) blocker(e *kconf.Expr) (class, reason string) {
	switch e.Op {
	case "":
		if slices.Contains(c.known, e.Name) {
			return ClassUnexplained, ""
		}
		return c.symbol(e.Name)
	case "!":
		return ClassNegative, fmt.Sprintf("it needs %s to be off", &e.Args[0])
	case "||", "&&":
		for i := range e.Args {
			if class, reason = c.blocker(&e.Args[i]); class != ClassUnexplained {
				return class, reason
			}
		}
		return ClassUnexplained, ""
	case "'":
		return ClassUnexplained, ""
	}
	return ClassComparison, fmt.Sprintf("it needs %s", e)
}

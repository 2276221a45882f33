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

// Values returns what all symbols come to when everything with a prompt is on but what the
// request, in the form of a .config, has otherwise.
type Values func(ctx context.Context, request []byte) (map[string]kconf.Value, error)

// Check compares a closure with what the kernel's own code does: everything switched on,
// once with the symbol and once without.
type Check struct {
	// Closure is of the symbol and of all that had to be off for it to be off, as they
	// select it.
	Closure Closure `json:"closure"`
	// Measured is how many symbols had a value with the symbol and have none without.
	Measured int `json:"measured"`
	// Differences are the symbols that are in one of the two and not in the other.
	Differences []Difference `json:"differences"`
}

// Difference is a symbol that is gone in a Closure and was not in the measurement, or the
// other way round, and why that is no contradiction.
type Difference struct {
	Symbol string `json:"symbol"`
	// Closure says that it is the closure that has it.
	Closure bool `json:"closure"`
	// Class is one of the constants below.
	Class string `json:"class"`
	// Reason says it in words.
	Reason string `json:"reason"`
}

// The classes of differences. With everything switched on a symbol can still be off.
const (
	// ClassChoice is a member of a choice that stands on another, or waits for one.
	ClassChoice = "choice"
	// ClassNegative waits for something to be off.
	ClassNegative = "negative"
	// ClassUndefined waits for what is not defined on x86.
	ClassUndefined = "undefined"
	// ClassComparison waits for another number, string or third state.
	ClassComparison = "comparison"
	// ClassUnselected has no prompt, and what would switch it on is off.
	ClassUnselected = "unselected"
	// ClassUnexplained is a fault in this package.
	ClassUnexplained = "unexplained"
)

// Check compares the closure of a symbol with what values says. It is an error when
// nobody can switch the symbol off.
func (t *Tree) Check(ctx context.Context, name string, values Values) (Check, error) {
	on, err := values(ctx, nil)
	if err != nil {
		return Check{}, err
	}
	off := []string{name}
	var without *World
	for {
		v, err := values(ctx, []byte("# CONFIG_"+strings.Join(off, " is not set\n# CONFIG_")+" is not set\n"))
		if err != nil {
			return Check{}, err
		}
		without = &World{Tree: t, Values: v}
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
	return t.compare(&World{Tree: t, Values: on}, without, off), nil
}

// on reports whether a symbol has a value that matters.
func (w *World) on(name string) bool {
	if isBool(w.symbols[name]) {
		return w.tri(name) > kconf.No
	}
	return w.Values[name].Written
}

// keepers returns what selects a symbol and is not among those to be off.
func (w *World) keepers(name string, off []string) []string {
	var all []string
	for _, sel := range w.selectors[name] {
		if min(w.tri(sel.name), w.eval(sel.prop.If)) > kconf.No && !slices.Contains(off, sel.name) {
			all = append(all, sel.name)
		}
	}
	return all
}

func (t *Tree) compare(with, without *World, off []string) Check {
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

// classify says why a symbol is off though everything is switched on. What is among
// known is off for a reason that needs no other.
func (w *World) classify(name string, known []string) (class, reason string) {
	class, reason = (&classifier{w: w, known: known, seen: map[string]bool{}}).symbol(name)
	return class, strings.TrimPrefix(reason, name+": ")
}

type classifier struct {
	w     *World
	known []string
	seen  map[string]bool
}

// symbol finds the first class that fits, by way of what the symbol needs.
func (c *classifier) symbol(name string) (class, reason string) {
	w := c.w
	s := w.symbols[name]
	switch {
	case s == nil:
		return ClassUndefined, name + " is not defined on x86"
	case c.seen[name]:
		return ClassUnexplained, name + " waits for itself"
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
	return ClassUnexplained, name + " is off for no reason that is known"
}

func orYes(e *kconf.Expr) *kconf.Expr {
	if e == nil {
		return &kconf.Expr{Op: "'", Name: "y"}
	}
	return e
}

// property says why a prompt is hidden, or a default is not taken.
func (c *classifier) property(name string, p kconf.Property) (class, reason string) {
	e := orYes(p.If)
	if p.Kind == "default" && isBool(c.w.symbols[name]) {
		e = allOf([]*kconf.Expr{e, orYes(p.Value)})
	}
	return c.expr(e)
}

// expr classifies an expression that is n by the first of its blockers that has a reason
// of its own.
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

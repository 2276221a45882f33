package bisect

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/search"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// Plan is what a search would do.
type Plan struct {
	// Differ is how many symbols differ, Changes are those of them that can be set, in the
	// order in which they are tried.
	Differ  int      `json:"differ"`
	Changes []string `json:"changes"`
	// Kernels says how many kernels it takes if a single change matters, those that have
	// been built before among them.
	Kernels search.Estimate `json:"kernels"`
	// Guest says what is not searched, as no boot can tell of it.
	Guest *configdiff.Guest `json:"guest,omitempty"`
}

// Cause is what Bisect found.
type Cause struct {
	Question string `json:"question"`
	search.Bisection
	// Chains say, for each symbol of each culprit, how it came to be what it is.
	Chains []Chain `json:"chains"`
	Differ int     `json:"differ"`
	Cost   Cost    `json:"cost"`
	// Guest says what was not searched, as no boot can tell of it.
	Guest *configdiff.Guest `json:"guest,omitempty"`
}

// Chain says what led to a change.
type Chain struct {
	configdiff.Change
	// First and Last say why the symbol is what it is at the two ends.
	First string `json:"first"`
	Last  string `json:"last"`
}

// Needs is what Minimize found.
type Needs struct {
	Question string `json:"question"`
	search.Minimum
	// Fragment are lines of .config with the reason for each.
	Fragment string `json:"fragment"`
	// Tried is how many symbols could have been left out.
	Tried int  `json:"tried"`
	Cost  Cost `json:"cost"`
}

// NeedsTable returns what several searches found as a table: what is required, the
// symbols that it needs, and what it says without each of them.
func NeedsTable(minima []Needs) table.Table {
	t := table.Table{Head: []string{"required", "symbols", "without them"}, Value: minima}
	for _, m := range minima {
		id := strings.TrimPrefix(m.Question, requires)
		var kept, notes []string
		for _, k := range m.Kept {
			kept = append(kept, k.Change)
			notes = append(notes, k.Change+": "+strings.TrimPrefix(k.Without.Note, id+": "))
		}
		if m.Doubt != "" {
			notes = append(notes, "NOT VERIFIED: "+m.Doubt)
		}
		t.Add(id, strings.Join(kept, ", "), report.Escape(strings.Join(notes, "; "), 1000))
	}
	return t
}

// Plan rehearses a search for one change that matters: with a kernel that passes and one
// that fails, or, to minimize, the other way round. Nothing is built.
func (d *Driver) Plan(ctx context.Context, minimize bool) (Plan, error) {
	p := Plan{Differ: len(d.space.delta.Changes), Changes: d.space.Changes, Guest: d.Guest}
	var err error
	if minimize {
		p.Kernels, err = search.Expect(ctx, &d.space.Space, d.space.Minimize, search.Pass, nil)
	} else {
		p.Kernels, err = search.Expect(ctx, &d.space.Space, d.space.Bisect, search.Fail, nil)
	}
	return p, err
}

// Bisect finds which changes make the last end fail, where the first passes.
func (d *Driver) Bisect(ctx context.Context) (Cause, error) {
	found, err := solve(ctx, d, d.space.Bisect)
	if err != nil {
		return Cause{}, err
	}
	b := Cause{Question: d.Question.Text, Bisection: found, Chains: []Chain{}, Differ: len(d.space.delta.Changes), Cost: d.cost, Guest: d.Guest}
	for _, c := range found.Culprits {
		for _, name := range c.Changes {
			b.Chains = append(b.Chains, Chain{d.space.changes[name], d.First.Why(name), d.Last.Why(name)})
		}
	}
	return b, nil
}

// Minimize finds the least changes of the first end with which it passes, as the last does.
func (d *Driver) Minimize(ctx context.Context) (Needs, error) {
	found, err := solve(ctx, d, d.space.Minimize)
	if err != nil {
		return Needs{}, err
	}
	m := Needs{Question: d.Question.Text, Minimum: found, Tried: len(d.space.Changes), Cost: d.cost}
	var b strings.Builder
	for _, k := range found.Kept {
		fmt.Fprintf(&b, "\n# Without it: %s.\n", k.Without.Note)
		if c := d.space.changes[k.Change]; c.To == "n" {
			fmt.Fprintf(&b, "# CONFIG_%s is not set\n", k.Change)
		} else {
			fmt.Fprintf(&b, "CONFIG_%s=%s\n", k.Change, c.To)
		}
	}
	m.Fragment = b.String()
	return m, nil
}

// unseen returns lines on what is not searched.
func unseen(g *configdiff.Guest) string {
	if g == nil {
		return ""
	}
	var t strings.Builder
	for _, line := range (&configdiff.Guest{Forced: g.Forced, Hidden: g.Hidden}).Lines(false) {
		t.WriteString("not searched: " + line + "\n")
	}
	return t.String()
}

// Write writes a plan for people.
func (p Plan) Write(out io.Writer) error {
	first := p.Changes[:min(len(p.Changes), 8)]
	_, err := fmt.Fprintf(out, `%d symbols differ, of which %d can be set by themselves; first tried: %s
If one of them matters it takes %d to %d kernels to find and to verify it, and %.1f in the mean,
those among them that have been built before. Each is one boot or more.
%s`, p.Differ, len(p.Changes), strings.Join(first, ", "), p.Kernels.Least, p.Kernels.Most, p.Kernels.Mean, unseen(p.Guest))
	return err
}

// Write writes what was found for people; first and last are the names of the ends.
func (b Cause) Write(out io.Writer, first, last string) error {
	var t strings.Builder
	chains := b.Chains
	for i, c := range b.Culprits {
		if i > 0 {
			t.WriteString("\n")
		}
		for j, chain := range chains[:len(c.Changes)] {
			label := "culprit "
			if j > 0 {
				label = "and     "
			}
			fmt.Fprintf(&t, "%s %s: %s in %s, %s in %s\n", label, chain.Symbol, chain.From, first, chain.To, last)
			fmt.Fprintf(&t, "          %s: %s\n          %s: %s\n", first, chain.First, last, chain.Last)
		}
		chains = chains[len(c.Changes):]
		if len(c.Needed) > 0 {
			fmt.Fprintf(&t, "          comes only with %s\n", strings.Join(c.Needed, ", "))
		}
		if n := len(c.Effective) - len(c.Changes) - len(c.Needed); n > 0 {
			fmt.Fprintf(&t, "          %d other symbols that can be set change with it\n", n)
		}
		fmt.Fprintf(&t, "verdict  %s with that alone changed: %s\n", first, c.Verdict.Note)
	}
	if b.Doubt != "" {
		fmt.Fprintf(&t, "\nNOT VERIFIED: %s\n", b.Doubt)
	} else {
		fmt.Fprintf(&t, "\nverified %s with that changed fails, with any part of it less it passes,\n", first)
		fmt.Fprintf(&t, "         and %s passes with %s taken back\n", last, strings.Join(b.Back, ", "))
	}
	t.WriteString(unseen(b.Guest))
	fmt.Fprintf(&t, "cost     %s, for %d symbols that differ\n", b.Cost, b.Differ)
	_, err := io.WriteString(out, t.String())
	return err
}

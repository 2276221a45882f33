package bisect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/search"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// Plan is what a search would cost.
type Plan struct {
	// Differ is how many symbols differ; Changes are those that can be set, in the order in
	// which they are tried.
	Differ  int      `json:"differ"`
	Changes []string `json:"changes"`
	// Kernels is how many kernels it takes if a single change matters, including those in the
	// cache.
	Kernels search.Estimate `json:"kernels"`
	// Guest is what is not searched, since no boot can show it.
	Guest *configdiff.Guest `json:"guest,omitempty"`
}

// Cause is what Bisect found.
type Cause struct {
	Question string `json:"question"`
	search.Bisection
	// Chains explain the value of each symbol of each culprit.
	Chains []Chain `json:"chains"`
	// First and Last are the names of the ends.
	First  string `json:"-"`
	Last   string `json:"-"`
	Differ int    `json:"differ"`
	Cost   Cost   `json:"cost"`
	// Guest is what was not searched, since no boot can show it.
	Guest *configdiff.Guest `json:"guest,omitempty"`
}

// Chain explains a change.
type Chain struct {
	configdiff.Change
	// First and Last explain the value of the symbol at the two ends.
	First string `json:"first"`
	Last  string `json:"last"`
}

// Needs is what Minimize found.
type Needs struct {
	Question string `json:"question"`
	search.Minimum
	// Fragment is lines of a .config, each with its reason.
	Fragment string `json:"fragment"`
	// Tried is how many symbols were candidates for removal.
	Tried int  `json:"tried"`
	Cost  Cost `json:"cost"`
}

// NeedsTable returns the results of several searches as a table: what is required, the symbols
// that it needs, and the answer without each of them.
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

// Plan estimates a search for a single change that matters. It builds nothing.
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

// Bisect finds the changes that make the last end fail although the first passes.
func (d *Driver) Bisect(ctx context.Context) (Cause, error) {
	found, err := solve(ctx, d, d.space.Bisect)
	if err != nil {
		return Cause{}, explainEnds(err, "--good "+d.good, "--bad "+d.bad, d.Guest)
	}
	b := Cause{Question: d.Question.Text, Bisection: found, Chains: []Chain{}, First: d.good, Last: d.bad, Differ: len(d.space.delta.Changes), Cost: d.cost, Guest: d.Guest}
	for _, c := range found.Culprits {
		for _, name := range c.Changes {
			b.Chains = append(b.Chains, Chain{d.space.changes[name], d.First.Why(name), d.Last.Why(name)})
		}
	}
	return b, nil
}

// Minimize finds a minimal set of changes with which the first end passes, as the last does.
func (d *Driver) Minimize(ctx context.Context) (Needs, error) {
	found, err := solve(ctx, d, d.space.Minimize)
	if err != nil {
		return Needs{}, explainEnds(err, d.good+" without "+d.part, "--profile "+d.good, nil)
	}
	m := Needs{Question: d.Question.Text, Minimum: found, Tried: len(d.space.Changes), Cost: d.cost}
	proof := "Each symbol was taken away and the kernel booted without it."
	if m.Doubt != "" {
		proof = "NOT VERIFIED: " + m.Doubt + "."
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# The smallest part of %s in %s with which these work:
# %s.
# %d of %d symbols are needed. %s
# Found with %s.
`, d.part, d.good, strings.ReplaceAll(strings.TrimPrefix(m.Question, requires), ",", ", "), len(m.Kept), m.Tried, proof, m.Cost)
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

// unseen returns lines about what is not searched.
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
If one of them matters, finding and verifying it takes %d to %d kernels, %.1f on average, including
those in the cache. Each kernel takes one boot or more.
%s`, p.Differ, len(p.Changes), strings.Join(first, ", "), p.Kernels.Least, p.Kernels.Most, p.Kernels.Mean, unseen(p.Guest))
	return err
}

// ErrNotVerified says that the boots which should confirm a result do not.
var ErrNotVerified = errors.New("not verified")

// Err returns ErrNotVerified, with the doubt, for a result that is in doubt.
func (b Cause) Err() error { return doubted(b.Doubt) }

// Err returns ErrNotVerified, with the doubt, for a result that is in doubt.
func (m Needs) Err() error { return doubted(m.Doubt) }

func doubted(doubt string) error {
	if doubt == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrNotVerified, doubt)
}

// Write writes the fragment.
func (m Needs) Write(out io.Writer) error {
	_, err := io.WriteString(out, m.Fragment)
	return err
}

// Write writes the result for people.
func (b Cause) Write(out io.Writer) error {
	var t strings.Builder
	chains, first, last := b.Chains, b.First, b.Last
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
			fmt.Fprintf(&t, "          only together with %s\n", strings.Join(c.Needed, ", "))
		}
		if n := len(c.Effective) - len(c.Changes) - len(c.Needed); n > 0 {
			fmt.Fprintf(&t, "          %d other settable symbols change with it\n", n)
		}
		fmt.Fprintf(&t, "verdict  %s with that alone changed: %s\n", first, c.Verdict.Note)
	}
	if b.Doubt != "" {
		fmt.Fprintf(&t, "\nNOT VERIFIED: %s\n", b.Doubt)
	} else {
		fmt.Fprintf(&t, "\nverified %s fails with that changed, and passes with any part of it left out;\n", first)
		fmt.Fprintf(&t, "         %s passes with %s changed back\n", last, strings.Join(b.Back, ", "))
	}
	t.WriteString(unseen(b.Guest))
	fmt.Fprintf(&t, "cost     %s, for %d symbols that differ\n", b.Cost, b.Differ)
	_, err := io.WriteString(out, t.String())
	return err
}

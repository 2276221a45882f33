// Package kconfigcheck holds what the kernel's Kconfig files say of a kernel against what its
// probes found there. It runs on the host and is pure: symbols and findings in,
// disagreements out.
//
// A static reading of Kconfig says which symbols fall with another. That a symbol is on
// does not say that what it is called after works, for the C code has dependencies of its
// own, and only a boot shows them.
package kconfigcheck

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
)

//go:embed symbols.txt
var table string

// Comparison is what came of it, for the symbols that go with one.
type Comparison struct {
	// Profile and Series say whose findings they are.
	Profile string `json:"profile"`
	Series  string `json:"series"`
	// Gone counts the probes that are absent and stand for a symbol that goes with the
	// one asked about, Off those absent whose symbol is off besides, On those that work and
	// whose symbols are all on.
	Gone int `json:"gone_absent"`
	Off  int `json:"off_absent"`
	On   int `json:"on_works"`
	// Disagree are the others: on and absent, or off and at work.
	Disagree []Disagreement `json:"disagree"`
}

// Disagreement is a probe whose answer is not what its symbols say.
type Disagreement struct {
	Probe string `json:"probe"`
	// Symbols are those it stands for; On says that all of them are on.
	Symbols []string `json:"symbols"`
	On      bool     `json:"on"`
	// Verdict, Errno and Call are those of the finding.
	Verdict wire.Verdict `json:"verdict"`
	Errno   string       `json:"errno,omitempty"`
	Call    string       `json:"call"`
	// Why is where the code says so, as far as that is known.
	Why string `json:"why,omitempty"`
}

// entry is a line of the table.
type entry struct {
	glob, why string
	symbols   []string
}

// entries reads the table.
func entries() []entry {
	var all []entry
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] == "#" {
			continue
		}
		e := entry{glob: f[0], why: strings.Join(f[2:], " ")}
		if f[1] != "-" {
			e.symbols = strings.Split(f[1], ",")
		}
		all = append(all, e)
	}
	return all
}

// of returns the line for a probe.
func of(all []entry, probe string) (entry, bool) {
	flat := func(s string) string { return strings.ReplaceAll(s, "/", ":") } // for * to cross
	i := slices.IndexFunc(all, func(e entry) bool {
		ok, err := path.Match(flat(e.glob), flat(probe))
		return ok && err == nil
	})
	if i < 0 {
		return entry{}, false
	}
	return all[i], true
}

// Of returns the symbols that a probe stands for; none of a probe that nothing is known of.
func Of(probe string) []string {
	e, _ := of(entries(), probe)
	return e.symbols
}

// Compare holds findings against the symbols of their kernel: gone are those that go with
// the symbol asked about, on tells which are on. What is inconclusive, and what no line of
// the table fits, is an error: it would look like agreement.
func Compare(gone []string, on func(symbol string) bool, findings []wire.Finding) (Comparison, error) {
	c := Comparison{Disagree: []Disagreement{}}
	all := entries()
	for _, f := range findings {
		e, ok := of(all, f.ID)
		if !ok {
			return c, fmt.Errorf("comparing probes with symbols: nothing says which %s stands for", f.ID)
		}
		off := slices.ContainsFunc(e.symbols, func(s string) bool { return !on(s) })
		switch {
		case f.Verdict != wire.Works && f.Verdict != wire.Absent:
			return c, fmt.Errorf("comparing probes with symbols: %s is %q", f.ID, f.Verdict)
		case off != (f.Verdict == wire.Absent):
			c.Disagree = append(c.Disagree, Disagreement{f.ID, e.symbols, !off, f.Verdict, f.Errno, f.Call, e.why})
		case !off:
			c.On++
		case slices.ContainsFunc(e.symbols, func(s string) bool { return slices.Contains(gone, s) }):
			c.Gone++
		default:
			c.Off++
		}
	}
	slices.SortStableFunc(c.Disagree, func(a, b Disagreement) int {
		return cmp.Or(strings.Compare(a.group(), b.group()), strings.Compare(a.Probe, b.Probe))
	})
	return c, nil
}

// group is what several disagreements have in common.
func (d Disagreement) group() string {
	state := "off, and works"
	if d.On {
		state = strings.TrimRight("on, and absent: "+d.Errno, ": ")
	}
	return strings.Join(d.Symbols, ",") + " is " + state
}

// Write writes it for people, as a part of what is said of symbol.
func (c Comparison) Write(w io.Writer, symbol string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n  against %s on %s: %d probes are absent with a symbol that goes with %s, %d with one that is off\n"+
		"  besides; %d work with all their symbols on; %d disagree with their symbols\n",
		c.Profile, c.Series, c.Gone, symbol, c.Off, c.On, len(c.Disagree))
	last := ""
	for _, d := range c.Disagree {
		if g := d.group(); g != last {
			fmt.Fprintf(&b, "  %s\n", g)
			last = g
		}
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("    %-28s %s", d.Probe, d.Why), " "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Package kconfigcheck compares a kernel's Kconfig symbols with the findings of the probes on it.
// It runs on the host and is pure: symbols and findings in, disagreements out.
//
// Kconfig shows which symbols depend on another, but a feature need not work because its symbol is
// on: the C code has further dependencies, which only a boot shows.
package kconfigcheck

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// Comparison is the result for one symbol and those that go off with it.
type Comparison struct {
	// Profile and Series name the kernel.
	Profile string `json:"profile"`
	Series  string `json:"series"`
	// Gone counts the absent probes that need a symbol that goes off with the one in question, Off
	// the absent ones that need another symbol that is off, On those that work with all their
	// symbols on.
	Gone int `json:"gone_absent"`
	Off  int `json:"off_absent"`
	On   int `json:"on_works"`
	// Disagree are the others: absent although on, or working although off.
	Disagree []Disagreement `json:"disagree"`
}

// Disagreement is a probe whose answer contradicts its symbols.
type Disagreement struct {
	Probe string `json:"probe"`
	// Symbols are those it needs; On is set if all of them are on.
	Symbols []string `json:"symbols"`
	On      bool     `json:"on"`
	// Verdict, Errno and Call are those of the finding.
	Verdict wire.Verdict `json:"verdict"`
	Errno   string       `json:"errno,omitempty"`
	Call    string       `json:"call"`
	// Why is the reason in the code, if known.
	Why string `json:"why,omitempty"`
}

// lookup returns a probe of the catalogue. Applications are not in it: they need the socket family
// that they are used over, which their ID ends with.
func lookup(id string) (wire.Probe, bool) {
	if !strings.HasPrefix(id, wire.AppFamily+"/") {
		for _, p := range wire.Probes() {
			if p.ID == id {
				return p, true
			}
		}
		return wire.Probe{}, false
	}
	p := wire.Probe{ID: id}
	switch path.Base(id) {
	case "none":
	case "unix":
		p.Symbols = []string{"UNIX"}
	default:
		p.Symbols = []string{"INET"}
	}
	return p, true
}

// Of returns the symbols that a probe needs; none if the probe is unknown.
func Of(id string) []string {
	p, _ := lookup(id)
	return p.Symbols
}

// Compare compares findings with the symbols of their kernel. gone are the symbols that go off
// with the one in question; on reports whether a symbol is on. Inconclusive findings and probes
// that are not in the catalogue are errors, since both would look like agreement.
func Compare(gone []string, on func(symbol string) bool, findings []wire.Finding) (Comparison, error) {
	c := Comparison{Disagree: []Disagreement{}}
	for _, f := range findings {
		p, ok := lookup(f.ID)
		if !ok {
			return c, fmt.Errorf("comparing probes with symbols: the symbols that %s needs are unknown", f.ID)
		}
		off := slices.ContainsFunc(p.Symbols, func(s string) bool { return !on(s) })
		switch {
		case f.Verdict != wire.Works && f.Verdict != wire.Absent:
			return c, fmt.Errorf("comparing probes with symbols: %s is %q", f.ID, f.Verdict)
		case off != (f.Verdict == wire.Absent):
			c.Disagree = append(c.Disagree, Disagreement{f.ID, p.Symbols, !off, f.Verdict, f.Errno, f.Call, p.Despite})
		case !off:
			c.On++
		case slices.ContainsFunc(p.Symbols, func(s string) bool { return slices.Contains(gone, s) }):
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

// group returns the heading for disagreements with the same symbols and state.
func (d Disagreement) group() string {
	state := "off, but works"
	if d.On {
		state = strings.TrimRight("on, but absent: "+d.Errno, ": ")
	}
	return strings.Join(d.Symbols, ",") + " is " + state
}

// Write writes the comparison for people, below the explanation of symbol.
func (c Comparison) Write(w io.Writer, symbol string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n  against %s on %s: %d probes are absent because a symbol goes off with %s, %d because another\n"+
		"  symbol is off; %d work with all their symbols on; %d contradict their symbols\n",
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

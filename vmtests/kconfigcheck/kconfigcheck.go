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
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
)

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

// lookup returns what the catalogue says of a probe. Applications are not in it: they stand on
// the family of sockets that they are used over, which their ID ends with.
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

// Of returns the symbols that a probe stands on; none of a probe that nothing is known of.
func Of(id string) []string {
	p, _ := lookup(id)
	return p.Symbols
}

// Compare compares findings with the symbols of their kernel. Gone are the symbols that are lost
// with the one asked about; on reports whether a symbol is on. An inconclusive finding is an
// error, and so is a probe that is not in the catalogue: both would look like agreement.
func Compare(gone []string, on func(symbol string) bool, findings []wire.Finding) (Comparison, error) {
	c := Comparison{Disagree: []Disagreement{}}
	for _, f := range findings {
		p, ok := lookup(f.ID)
		if !ok {
			return c, fmt.Errorf("comparing probes with symbols: nothing says which symbols %s stands on", f.ID)
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

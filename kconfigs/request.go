package kconfigs

import (
	"cmp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/rename"
)

// Request is what is asked of a kernel: every symbol once, sorted by name.
type Request struct {
	// Profile is the name of the profile it was composed from.
	Profile string
	// Prebuilt, if set, is the kernel that was asked for, and nothing else counts.
	Prebuilt *Prebuilt
	// Start is what the settings are put on top of.
	Start    Start
	Settings []Setting
	// Remarks are lines for whoever asked about how their files were read.
	Remarks []string
}

// Text returns the request as KCONFIG_ALLCONFIG reads it. Two requests for the same
// thing have the same text, whatever fragments they came from.
func (r Request) Text() string {
	var b strings.Builder
	for _, s := range r.Settings {
		if s.Value == "n" {
			b.WriteString("# CONFIG_" + s.Symbol + " is not set\n")
		} else {
			b.WriteString("CONFIG_" + s.Symbol + "=" + s.Value + "\n")
		}
	}
	return b.String()
}

// Over returns the request on top of a start's text, line by line but for the symbols that
// the request has too, and how the start had those otherwise, each as it would stand in
// an error.
func (r Request) Over(start string) (text string, changed []string) {
	want := map[string]string{}
	for _, s := range r.Settings {
		want[s.Symbol] = s.Value
	}
	var b strings.Builder
	eachLine([]byte(start), func(_ int, line string) {
		symbol, value, err := parseLine(line)
		asked, both := want[symbol]
		switch {
		case err != nil || symbol == "": // a comment; kconfig passes over what is no line of its
		case !both:
			b.WriteString(line + "\n")
		case !sameValue(value, asked):
			changed = append(changed, symbol+"="+asked+" (was "+value+")")
		}
	})
	return b.String() + r.Text(), changed
}

// Begun returns the settings of the start's text that the request leaves as they are, in
// the order of its lines.
func (r Request) Begun() []Setting {
	asked := map[string]bool{}
	for _, s := range r.Settings {
		asked[s.Symbol] = true
	}
	var all []Setting
	eachLine([]byte(r.Start.Text), func(n int, line string) {
		symbol, value, err := parseLine(line)
		if err == nil && symbol != "" && !asked[symbol] {
			all = append(all, Setting{symbol, value, r.Start.Name, n})
		}
	})
	return all
}

// CheckKnown reports every symbol that is to have a value other than n and is not among
// known, the names without CONFIG_ that a kernel's Kconfig files define. Kconfig itself
// passes over such a line.
func (r Request) CheckKnown(known map[string]bool) error {
	e := &RequestError{}
	for _, s := range r.byPlace() {
		if !known[s.Symbol] && s.Value != "n" { // what is not there is off
			e.add(s.Fragment, s.Line, s.Symbol, "this kernel has no such symbol%s", rename.Other(s.Symbol, known))
		}
	}
	return e.orNil()
}

// Verify reports every symbol, also of those to be off, that final has otherwise.
func (r Request) Verify(final Config) error {
	e := &RequestError{}
	for _, s := range r.byPlace() {
		got, there := final.values[s.Symbol]
		if !there {
			got = "n"
		}
		if sameValue(s.Value, got) {
			continue
		}
		if !there && !isTristate(s.Value) {
			got = "nothing"
		}
		hint := ""
		if s.Value == "m" && final.values["MODULES"] != "y" {
			hint = " (there are no modules here: ask for y)"
		}
		e.add(s.Fragment, s.Line, s.Symbol, "wanted %s, got %s%s", s.Value, got, hint)
	}
	return e.orNil()
}

// byPlace returns the settings in the order in which a person reads the files.
func (r Request) byPlace() []Setting {
	s := slices.Clone(r.Settings)
	slices.SortFunc(s, func(a, b Setting) int {
		return cmp.Or(cmp.Compare(a.Fragment, b.Fragment), cmp.Compare(a.Line, b.Line))
	})
	return s
}

package kconfigs

import (
	"cmp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/rename"
)

// Request is a set of requested symbols, sorted by name, each once except under different
// conditions. For resolves conditions. The other methods expect a request without conditions, or
// ignore settings whose condition they cannot know.
type Request struct {
	// Profile is the name of the profile it was composed from.
	Profile string
	// Arch is the name of the only architecture that it can be built for; empty means any.
	Arch string
	// Prebuilt, if set, is the requested kernel, and the fields below do not count.
	Prebuilt *Prebuilt
	// Start is the config that the settings are applied to.
	Start    Start
	Settings []Setting
	// Remarks tell the user how their files were read, one line each.
	Remarks []string
}

// Text returns the request in the format of KCONFIG_ALLCONFIG. Requests with the same settings
// have the same text, whatever fragments they came from.
func (r Request) Text() string {
	var b strings.Builder
	for _, s := range r.Settings {
		for _, name := range strings.Fields(s.If) {
			b.WriteString("# if CONFIG_" + name + " exists: ")
		}
		b.WriteString(s.line(s.Symbol))
		for _, name := range strings.Fields(s.Or) {
			b.WriteString("# or " + s.line(name))
		}
	}
	return b.String()
}

// line returns the setting as a line of a .config, for one of its symbols.
func (s Setting) line(symbol string) string {
	if s.Value == "n" {
		return "# CONFIG_" + symbol + " is not set\n"
	}
	return "CONFIG_" + symbol + "=" + s.Value + "\n"
}

// Over applies the request to the text of a start: it drops the start's lines for symbols that
// the request sets, and appends the request. It also returns each value that this changes, as
// errors show it.
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
		case err != nil || symbol == "": // a comment, or a line that kconfig ignores
		case !both:
			b.WriteString(line + "\n")
		case !sameValue(value, asked):
			changed = append(changed, symbol+"="+asked+" (was "+value+")")
		}
	})
	return b.String() + r.Text(), changed
}

// Begun returns the settings in the start's text that the request does not set, in the order of
// the lines.
func (r Request) Begun() []Setting {
	asked := map[string]bool{}
	for _, s := range r.Settings {
		asked[s.Symbol] = true
	}
	var all []Setting
	eachLine([]byte(r.Start.Text), func(n int, line string) {
		symbol, value, err := parseLine(line)
		if err == nil && symbol != "" && !asked[symbol] {
			all = append(all, Setting{Symbol: symbol, Value: value, Fragment: r.Start.Name, Line: n})
		}
	})
	return all
}

// CheckKnown reports every symbol that is requested with a value other than n and is not among
// known, the names without CONFIG_ that a kernel's Kconfig files define. Kconfig itself ignores
// such a line.
func (r Request) CheckKnown(known map[string]bool) error {
	e := &RequestError{}
	defined := func(symbol string) bool { return known[symbol] }
	for _, s := range r.byPlace() {
		if s.applies(defined) && !known[s.named(defined).Symbol] && s.Value != "n" { // a missing symbol is off
			e.add(s.Fragment, s.Line, s.Symbol, "this kernel has no such symbol%s", rename.Other(s.Symbol, known, nil))
		}
	}
	return e.orNil()
}

// Verify reports every symbol that has another value in final, including symbols that were
// requested to be off.
func (r Request) Verify(final Config) error {
	e := &RequestError{}
	for _, s := range r.byPlace() {
		if s.If != "" || slices.ContainsFunc(s.symbols(), func(name string) bool { return sameValue(s.Value, final.Value(name)) }) {
			continue
		}
		got, there := final.values[s.Symbol]
		if !there {
			got = "n"
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

// byPlace returns the settings sorted by file and line.
func (r Request) byPlace() []Setting {
	s := slices.Clone(r.Settings)
	slices.SortFunc(s, func(a, b Setting) int {
		return cmp.Or(cmp.Compare(a.Fragment, b.Fragment), cmp.Compare(a.Line, b.Line))
	})
	return s
}

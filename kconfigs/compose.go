package kconfigs

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// composition is a request under construction.
type composition struct {
	profile Profile
	seen    map[string]Setting
	own     map[string]bool // symbols with the value of the profile's own fragments
	remarks []string
	wrong   *RequestError
}

// compose merges a profile's own fragments and the user's. If two agree on a symbol, errors
// cite the first. A difference is an error, because the order of the fragments should not
// decide; with Override, the user's fragment takes precedence over the profile's own.
func compose(p Profile, own []Fragment, e *RequestError) Request {
	c := &composition{profile: p, seen: map[string]Setting{}, own: map[string]bool{}, wrong: e}
	for _, f := range own {
		for _, s := range f.Settings {
			c.add(s, false)
			c.own[s.Symbol] = true
		}
	}
	for _, f := range p.added {
		for _, s := range f.Settings {
			c.add(s, true)
		}
	}
	r := Request{Profile: p.Name, Start: p.Start, Settings: slices.Collect(maps.Values(c.seen)), Remarks: slices.Concat(p.remarks, c.remarks)}
	slices.SortFunc(r.Settings, func(a, b Setting) int { return cmp.Compare(a.Symbol, b.Symbol) })
	return r
}

// add adds a setting of the profile's own fragments or of the user's.
func (c *composition) add(s Setting, users bool) {
	first, ok := c.seen[s.Symbol]
	switch {
	case !ok:
		c.seen[s.Symbol] = s
	case sameValue(first.Value, s.Value):
	case c.own[s.Symbol] && first.Fragment == guest+".config":
		c.wrong.add(s.Fragment, s.Line, s.Symbol,
			"%s is not available: the guest needs %s (%s:%d)", s.Value, first.Value, first.Fragment, first.Line)
	case users && c.own[s.Symbol] && c.profile.Override:
		c.seen[s.Symbol], c.own[s.Symbol] = s, false
		c.remarks = append(c.remarks, fmt.Sprintf("%s: CONFIG_%s: %s in place of %s in %s%s", place(s.Fragment, s.Line), s.Symbol,
			s.Value, first.Value, place(first.Fragment, first.Line), quotedReason(first)))
	case users && c.own[s.Symbol]:
		c.wrong.add(s.Fragment, s.Line, s.Symbol, "%s conflicts with %s in %s%s: %s--override puts yours in its place",
			s.Value, first.Value, place(first.Fragment, first.Line), quotedReason(first), without(first.Fragment))
	default:
		c.wrong.add(s.Fragment, s.Line, s.Symbol,
			"%s conflicts with %s in %s:%d", s.Value, first.Value, first.Fragment, first.Line)
	}
}

// without returns a hint that names the profiles which do not contain base.config, to be
// followed by an alternative; it is empty for other fragments.
func without(file string) string {
	const base = "base" // the other fragments define their profiles
	if file != base+".config" {
		return ""
	}
	var names []string
	for _, p := range Profiles() {
		if p.Prebuilt == nil && !slices.Contains(p.Fragments, base) {
			names = append(names, p.Name)
		}
	}
	return fmt.Sprintf("%s do without %s; ", strings.Join(names, ", "), file)
}

// quotedReason returns the comment above a setting in one of netstrip's own fragments, in
// parentheses; empty if there is none.
func quotedReason(s Setting) string {
	data, err := embedded.ReadFile(s.Fragment)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(bytes.TrimRight(data, "\n")), "\n")
	at := min(s.Line, len(lines)) - 1
	isReason := func(line string) bool {
		symbol, _, err := parseLine(line)
		return strings.HasPrefix(line, "# ") && symbol == "" && err == nil
	}
	for at >= 0 && lines[at] != "" && !isReason(lines[at]) {
		at--
	}
	var text []string
	for ; at >= 0 && isReason(lines[at]); at-- {
		text = append([]string{strings.TrimPrefix(lines[at], "# ")}, text...)
	}
	if text == nil {
		return ""
	}
	return fmt.Sprintf(" (%s)", strings.TrimRight(strings.Join(text, " "), "."))
}

package kconfigs

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// composition is a request in the making.
type composition struct {
	profile Profile
	seen    map[string]Setting
	own     map[string]bool // symbols that stand as the profile's own fragments have them
	remarks []string
	wrong   *RequestError
}

// compose merges a profile's own fragments and the user's. Where two agree the first is
// kept for citing; where they differ, that is an error, for neither order nor silence
// should decide, unless the user's are to override the profile's.
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

// add takes a setting, of the user's or of the profile's own.
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

// without says which profiles do without one of netstrip's own fragments, before what can
// be done otherwise.
func without(file string) string {
	const base = "base" // other fragments are what their profiles are about
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

// quotedReason is what one of netstrip's own fragments says above a setting.
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

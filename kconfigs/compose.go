package kconfigs

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/arch"
)

// composition is a request under construction.
type composition struct {
	profile Profile
	seen    map[string][]Setting
	own     map[string]bool // symbols with the value of the profile's own fragments
	remarks []string
	wrong   *RequestError
}

// compose merges a profile's own fragments and the user's. If two agree on a symbol, errors
// cite the first. A difference is an error, because the order of the fragments should not
// decide; with Override, the user's fragment takes precedence over the profile's own. Whether
// settings with different conditions contradict each other is for Request.For to decide.
func compose(p Profile, own []Fragment, e *RequestError) Request {
	c := &composition{profile: p, seen: map[string][]Setting{}, own: map[string]bool{}, wrong: e}
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
	r := Request{Profile: p.Name, Arch: p.Arch, Start: p.Start, Remarks: slices.Concat(p.remarks, c.remarks)}
	for _, all := range c.seen {
		r.Settings = append(r.Settings, all...)
	}
	sortSettings(r.Settings)
	return r
}

func sortSettings(all []Setting) {
	slices.SortFunc(all, func(a, b Setting) int {
		return cmp.Or(cmp.Compare(a.Symbol, b.Symbol), cmp.Compare(a.If, b.If))
	})
}

// add adds a setting of the profile's own fragments or of the user's.
func (c *composition) add(s Setting, users bool) {
	for i, first := range c.seen[s.Symbol] {
		conditional := first.If != s.If
		switch {
		case sameValue(first.Value, s.Value) && !conditional:
			return
		case sameValue(first.Value, s.Value), conditional && (isProtected(first.Fragment) || !users || !c.own[s.Symbol]):
		case users && c.own[s.Symbol] && c.profile.Override && !isProtected(first.Fragment):
			c.remarks = append(c.remarks, fmt.Sprintf("%s: CONFIG_%s: %s in place of %s in %s%s", place(s.Fragment, s.Line), s.Symbol,
				s.Value, first.Value, place(first.Fragment, first.Line), quotedReason(first)))
			c.seen[s.Symbol][i], c.own[s.Symbol] = s, false
			return
		case users && c.own[s.Symbol] && !isProtected(first.Fragment):
			c.wrong.add(s.Fragment, s.Line, s.Symbol, "%s conflicts with %s in %s%s: %s--override puts yours in its place",
				s.Value, first.Value, place(first.Fragment, first.Line), quotedReason(first), without(first.Fragment))
			return
		default:
			contradict(c.wrong, first, s)
			return
		}
	}
	c.seen[s.Symbol] = append(c.seen[s.Symbol], s)
}

// contradict reports a setting that contradicts an earlier one.
func contradict(e *RequestError, first, s Setting) {
	if isProtected(first.Fragment) {
		e.add(s.Fragment, s.Line, s.Symbol, "%s is not available: the guest needs %s (%s:%d)", s.Value, first.Value, first.Fragment, first.Line)
		return
	}
	e.add(s.Fragment, s.Line, s.Symbol, "%s conflicts with %s in %s:%d", s.Value, first.Value, first.Fragment, first.Line)
}

// isProtected reports whether a file is a fragment that no other may contradict.
func isProtected(file string) bool {
	name, ok := strings.CutSuffix(file, ".config")
	return ok && (name == guest || slices.Contains(arch.Names(), name))
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
		bare, exists, or := condition(line)
		symbol, _, err := parseLine(bare)
		return strings.HasPrefix(line, "# ") && symbol == "" && exists == "" && !or && err == nil
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

package kconfigs

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// itself stands for the symbol of the line in a condition.
const itself = "it"

var (
	conditional = regexp.MustCompile(`^# if (it|CONFIG_\w+) exists: (.*)$`)
	alternative = regexp.MustCompile(`^# or (CONFIG_.*|# CONFIG_\w+ is not set)$`)

	// misspelled matches comments that can only be meant as a condition or an alternative.
	misspelled = regexp.MustCompile(`(?i)^#\s*(if\s+\w+\s+exists?\s*:?\s*(# )?CONFIG_\w+(=| is not set)|or\s*:?\s*(# )?\w+(=[ymn]| is not set)\s*$)`)
)

// errMisspelled rejects a misspelled condition, which would silently be a comment.
var errMisspelled = errors.New(`want "# or CONFIG_NAME=value", "# if it exists: CONFIG_NAME=value" or "# if CONFIG_OTHER exists: CONFIG_NAME=value"`)

// condition takes the condition off a line of a fragment, or the word that makes it an alternative.
func condition(line string) (rest, exists string, or bool) {
	if m := conditional.FindStringSubmatch(line); m != nil {
		return m[2], strings.TrimPrefix(m[1], "CONFIG_"), false
	}
	if m := alternative.FindStringSubmatch(line); m != nil {
		return m[1], "", true
	}
	return line, "", false
}

// addOr adds an alternative to the last setting, which must be in the line before.
func (f *Fragment) addOr(symbol, value string, follows bool) error {
	if !follows || len(f.Settings) == 0 {
		return errors.New(`"# or" does not follow a setting`)
	}
	s := &f.Settings[len(f.Settings)-1]
	if !sameValue(s.Value, value) {
		return errors.New("the alternative has another value than " + s.Symbol)
	}
	s.Or = strings.TrimSpace(s.Or + " " + symbol)
	return nil
}

// For returns the request for a kernel that defines the known symbols: without settings whose
// condition is not met, and with the alternative that exists. The error lists settings that
// contradict each other on this kernel only.
func (r Request) For(known map[string]bool) (Request, error) {
	e := &RequestError{}
	defined := func(symbol string) bool { return known[symbol] }
	at := map[string]int{}
	var settings []Setting
	for _, s := range r.byProtection() {
		if !s.applies(defined) {
			continue
		}
		s = s.named(defined)
		first, twice := at[s.Symbol]
		switch {
		case !twice:
			at[s.Symbol] = len(settings)
			settings = append(settings, s)
		case !sameValue(settings[first].Value, s.Value):
			contradict(e, settings[first], s)
		}
	}
	r.Settings = settings
	sortSettings(r.Settings)
	return r, e.orNil()
}

// applies reports whether all symbols of the setting's condition are known.
func (s Setting) applies(known func(string) bool) bool {
	for _, name := range strings.Fields(s.If) {
		if !known(name) {
			return false
		}
	}
	return true
}

// symbols returns the symbol and its alternatives.
func (s Setting) symbols() []string { return append([]string{s.Symbol}, strings.Fields(s.Or)...) }

// named returns the setting without conditions, for the first of its symbols that is known.
func (s Setting) named(known func(string) bool) Setting {
	names := s.symbols()
	if i := slices.IndexFunc(names, known); i >= 0 {
		s.Symbol = names[i]
	}
	s.If, s.Or = "", ""
	return s
}

// byProtection returns the settings with the protected ones first, so that they win.
func (r Request) byProtection() []Setting {
	all := r.byPlace()
	slices.SortStableFunc(all, func(a, b Setting) int {
		switch pa, pb := isProtected(a.Fragment), isProtected(b.Fragment); {
		case pa == pb:
			return 0
		case pa:
			return -1
		}
		return 1
	})
	return all
}

package claims

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/ref"
)

// Parse reads claims. An entry begins with "claim ID". Lines for text, who, boot (profiles),
// measure (profiles) and because follow in any order, and one for each rule:
//
//	false   CONDITION; CONDITION
//	depends on what it depends: CONDITION; CONDITION
//
// A line that begins with white space continues the one before. The error lists everything that
// Parse does not understand, with line numbers.
func Parse(file, text string) ([]Claim, error) {
	var all []Claim
	var bad []error
	for _, l := range logical(text) {
		key, rest, _ := strings.Cut(l.text, " ")
		rest = strings.TrimSpace(rest)
		if key == "claim" {
			all = append(all, Claim{ID: rest})
			if slices.ContainsFunc(all[:len(all)-1], func(c Claim) bool { return c.ID == rest }) {
				bad = append(bad, fmt.Errorf("%s:%d: there are two claims %s", file, l.number, rest))
			}
			continue
		}
		if len(all) == 0 {
			bad = append(bad, fmt.Errorf("%s:%d: %q comes before the first claim", file, l.number, key))
			continue
		}
		if err := all[len(all)-1].line(key, rest); err != nil {
			bad = append(bad, fmt.Errorf("%s:%d: %w", file, l.number, err))
		}
	}
	if bad != nil {
		return nil, errors.Join(bad...)
	}
	for _, c := range all {
		if err := c.complete(); err != nil {
			bad = append(bad, fmt.Errorf("%s: claim %s %w", file, c.ID, err))
		}
	}
	return all, errors.Join(bad...)
}

// numberedLine is a line with its continuations, and the number of its first line.
type numberedLine struct {
	number int
	text   string
}

func logical(text string) []numberedLine {
	var lines []numberedLine
	n := 0
	for raw := range strings.Lines(text) {
		n++
		line := strings.TrimSpace(raw)
		switch {
		case line == "" || line[0] == '#':
		case (raw[0] == ' ' || raw[0] == '\t') && len(lines) > 0:
			lines[len(lines)-1].text += " " + line
		default:
			lines = append(lines, numberedLine{n, line})
		}
	}
	return lines
}

// line reads one line of an entry.
func (c *Claim) line(key, rest string) error {
	switch key {
	case "text":
		c.Text = rest
	case "who":
		c.Who = rest
	case "because":
		c.Because = rest
	case "boot":
		c.Profiles = strings.Fields(rest)
	case "measure":
		c.Measured = strings.Fields(rest)
	case "true", "false":
		return c.rule(Rule{Verdict: Ruling(key)}, rest)
	case "depends":
		on, conditions, ok := strings.Cut(strings.TrimPrefix(rest, "on "), ": ")
		if !ok {
			return errors.New("want: depends on WHAT: CONDITION")
		}
		return c.rule(Rule{Verdict: Depends, On: strings.TrimSpace(on)}, conditions)
	default:
		return fmt.Errorf("%q is none of claim, text, who, boot, measure, because, true, false, depends", key)
	}
	return nil
}

func (c *Claim) rule(r Rule, conditions string) error {
	for text := range strings.SplitSeq(conditions, ";") {
		cond, err := parseCondition(text)
		if err != nil {
			return err
		}
		r.Conditions = append(r.Conditions, cond)
	}
	c.Rules = append(c.Rules, r)
	return nil
}

// complete returns an error if an entry lacks something.
func (c Claim) complete() error {
	switch {
	case c.Text == "":
		return errors.New("has no text")
	case c.Who == "":
		return errors.New("does not say who makes it")
	case c.Because == "":
		return errors.New("does not say why its rules decide it")
	case len(c.Rules) == 0:
		return errors.New("has no rule")
	}
	for _, r := range c.Rules {
		for _, cond := range r.Conditions {
			for _, p := range []string{cond.profile, cond.other.profile} {
				// Boots of a profile into other inits count if they exist.
				if p != "" && !slices.Contains(c.profiles(), p) && !slices.Contains(c.profiles(), ref.Parse(p).Profile()) {
					return fmt.Errorf("asks about %s, which it does not boot", p)
				}
			}
		}
	}
	return nil
}

package claims

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// Condition is something that must have been found, in one of these forms, optionally after
// "not":
//
//	PROFILE OUTCOME                              no-net completed
//	PROFILE PROBE VERDICT [ERRNO]                no-net socket/* absent ENOSYS
//	PROFILE PROBE value VALUE                    full lo/mtu value 65536
//	PROFILE PROBE.NUMBER > FACTOR x PROFILE PROBE.NUMBER
//
// A probe that ends in /* stands for all with that prefix; at least one must have answered.
type Condition struct {
	// Text is the condition as written.
	Text string

	not            bool
	profile, probe string // "" for a condition about the outcome
	is             string // an outcome, a verdict, or "value"
	errno, value   string
	number         string // of probe, for a comparison
	more           bool   // > rather than <
	factor         float64
	other          operand
}

// operand is a number of a probe on a profile.
type operand struct{ profile, probe, number string }

// parseCondition reads a condition.
func parseCondition(text string) (Condition, error) {
	c := Condition{Text: strings.TrimSpace(text)}
	words := strings.Fields(c.Text)
	if len(words) > 0 && words[0] == "not" {
		c.not, words = true, words[1:]
	}
	if len(words) > 0 {
		c.profile, words = words[0], words[1:]
	}
	switch {
	case len(words) == 1:
		c.is = words[0]
		if o := record.Outcome(c.is); !o.Known() || o.RigFault() {
			return c, fmt.Errorf("%q is not an outcome of a boot", c.is)
		}
		return c, nil
	case len(words) == 6 && words[3] == "x" && (words[1] == ">" || words[1] == "<"):
		var err1, err2, err3 error
		c.probe, c.number, err1 = numbered(words[0])
		c.more = words[1] == ">"
		c.factor, err2 = strconv.ParseFloat(words[2], 64)
		c.other.profile = words[4]
		c.other.probe, c.other.number, err3 = numbered(words[5])
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return c, err
			}
		}
		return c, nil
	case len(words) >= 3 && words[1] == "value":
		c.probe, c.is, c.value = words[0], words[1], strings.Join(words[2:], " ")
		return c, nil
	case len(words) == 2 || len(words) == 3:
		c.probe, c.is = words[0], words[1]
		if len(words) == 3 {
			c.errno = words[2]
		}
		switch wire.Verdict(c.is) {
		case wire.Works, wire.Absent, wire.Inconclusive:
			return c, nil
		}
		return c, fmt.Errorf("%q is not a verdict of a probe", c.is)
	}
	return c, fmt.Errorf("%q is not a condition", c.Text)
}

func numbered(s string) (probe, number string, err error) {
	probe, number, ok := strings.Cut(s, ".")
	if !ok {
		err = fmt.Errorf("%q is not a number of a probe, such as perf/tcp4.p50", s)
	}
	return probe, number, err
}

// holds reports whether the condition holds, and the evidence. lack is what is missing to decide
// it; a boot with an infrastructure failure counts as missing.
func (c Condition) holds(booted boots) (seen []Evidence, ok bool, lack string) {
	probe := strings.TrimSuffix(c.probe, "/*")
	r, there := booted.of(c.profile, probe)
	if !there || r.Outcome.RigFault() || r.Outcome == "" {
		return nil, false, "a boot of " + c.profile
	}
	switch {
	case c.probe == "":
		ok = string(r.Outcome) == c.is
		seen = append(seen, c.evidence(r, string(r.Outcome)))
	case c.number != "":
		return c.compare(booted, r)
	default:
		findings := report.Matching(r, probe)
		if len(findings) == 0 {
			return nil, false, fmt.Sprintf("an answer to %s on %s", c.probe, c.profile)
		}
		ok = true
		for _, f := range findings {
			ok = ok && c.fits(f)
			seen = append(seen, c.evidence(r, found(f)))
		}
	}
	return seen, ok != c.not, ""
}

func (c Condition) fits(f wire.Finding) bool {
	if c.is == "value" {
		return f.Verdict == wire.Works && f.Value == c.value
	}
	return string(f.Verdict) == c.is && (c.errno == "" || c.errno == f.Errno)
}

// compare compares two numbers.
func (c Condition) compare(booted boots, r record.Record) (seen []Evidence, ok bool, lack string) {
	o, there := booted.of(c.other.profile, c.other.probe)
	if !there {
		return nil, false, "a boot of " + c.other.profile
	}
	a, oka := number(r, c.probe, c.number)
	b, okb := number(o, c.other.probe, c.other.number)
	switch {
	case !oka:
		return nil, false, fmt.Sprintf("the number %s of %s on %s", c.number, c.probe, c.profile)
	case !okb:
		return nil, false, fmt.Sprintf("the number %s of %s on %s", c.other.number, c.other.probe, c.other.profile)
	}
	ok = a < c.factor*b
	if c.more {
		ok = a > c.factor*b
	}
	return []Evidence{c.evidence(r, fmt.Sprintf("%g against %g: %.2f times", a, b, a/b))}, ok != c.not, ""
}

func number(r record.Record, probe, name string) (float64, bool) {
	f, _ := report.Finding(r, probe)
	n, ok := f.Numbers[name]
	return n, ok
}

func (c Condition) evidence(r record.Record, found string) Evidence {
	return Evidence{Record: r.ID, Profile: r.Profile, Series: r.Variant(), Condition: c.Text, Found: found}
}

// found returns a finding in one line.
func found(f wire.Finding) string {
	words := []string{f.ID, string(f.Verdict), f.Errno, f.Value}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

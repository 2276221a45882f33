package expect

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

// answer is the part of a finding that is compared with an expectation.
func answer(f wire.Finding) string {
	fields := []string{string(f.Verdict), dash(f.Errno), "-", dash(f.Call)}
	if f.Value != "" {
		fields[2] = quoteValue(f.Value)
	}
	return strings.Join(fields, " ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// quoteValue quotes a value that would not be read back as it is: one with blanks, quotes or control
// characters, or the sign for no value.
func quoteValue(s string) string {
	odd := func(r rune) bool { return r == '"' || unicode.IsSpace(r) || !unicode.IsPrint(r) }
	if s == "-" || strings.ContainsFunc(s, odd) {
		return strconv.Quote(s)
	}
	return s
}

// findingOf parses what answer returns.
func findingOf(id, text string) (wire.Finding, error) {
	f, err := columns(text)
	if err != nil {
		return wire.Finding{}, fmt.Errorf("%s: %w", id, err)
	}
	for i, field := range f {
		switch {
		case field == "-":
			f[i] = ""
		case i == 2 && strings.HasPrefix(field, `"`):
			if f[i], err = strconv.Unquote(field); err != nil {
				return wire.Finding{}, fmt.Errorf("%s: reading the value %s: %w", id, field, err)
			}
		}
	}
	return wire.Finding{ID: id, Verdict: wire.Verdict(f[0]), Errno: f[1], Value: f[2], Call: f[3]}, nil
}

// Format returns the findings of a record as the text of an expectation. If the boot was into an init,
// it leaves out what these files expect of the kernel anyway.
func (f Files) Format(r record.Record) (string, error) {
	if r.Init != "" {
		usual, err := f.of(r.Series, r.Ref().Profile())
		if err != nil {
			return "", err
		}
		r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f wire.Finding) bool { return usual[f.ID] == answer(f) })
	}
	return formatExpectation(r)
}

// formatExpectation returns one line for each probe, sorted and in columns, so that diffs are easy to
// read. What is inconclusive cannot be expected.
func formatExpectation(r record.Record) (string, error) {
	if r.Outcome.RigFault() {
		return "", fmt.Errorf("%s: %s is an infrastructure failure: %s", r.Profile, r.Outcome, r.Reason)
	}
	lines := []string{outcomeID + " " + string(r.Outcome)}
	if said := answersOf(r)[saidID]; said != "" {
		lines = append(lines, saidID+" "+said)
	}
	// Fixed widths, so that a diff of two expectations shows only what differs.
	width := [4]int{24, len(wire.Absent), len("EAFNOSUPPORT"), len("UP|LOOPBACK|RUNNING")}
	var rows [][]string
	findings := slices.Clone(r.Findings)
	slices.SortFunc(findings, func(a, b wire.Finding) int { return strings.Compare(a.ID, b.ID) })
	for _, f := range findings {
		if f.Verdict == wire.Inconclusive || f.Verdict == "" {
			return "", fmt.Errorf("%s: %s is inconclusive: %s", r.Profile, f.ID, f.Detail)
		}
		value := dash(quoteValue(f.Value))
		row := []string{f.ID, string(f.Verdict), dash(f.Errno), value, dash(f.Call)}
		for i := range width {
			width[i] = max(width[i], len(row[i]))
		}
		rows = append(rows, row)
	}
	for _, row := range rows {
		lines = append(lines, fmt.Sprintf("%-*s  %-*s  %-*s  %-*s  %s",
			width[0], row[0], width[1], row[1], width[2], row[2], width[3], row[3], row[4]))
	}
	head := "# What every probe must find on " + r.Series + " " + r.Profile +
		": probe, verdict, errno, value, deciding call.\n"
	if r.Init != "" {
		head += "# The others find what they find on " + r.Ref().Profile() + ".\n"
	}
	head += "# Written by: make update\n"
	return head + strings.Join(lines, "\n") + "\n", nil
}

// parseExpectation parses what formatExpectation returns.
func parseExpectation(path, text string) (answers, error) {
	out := answers{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, rest, ok := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		if !ok || rest == "" {
			return nil, fmt.Errorf("%s:%d: want a probe and an answer, got %q", path, n, line)
		}
		if _, twice := out[id]; twice {
			return nil, fmt.Errorf("%s:%d: %s stands here twice", path, n, id)
		}
		if id != outcomeID && id != saidID {
			fields, err := columns(rest)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, n, err)
			}
			rest = strings.Join(fields, " ")
		}
		out[id] = rest
	}
	if out[outcomeID] == "" {
		return nil, fmt.Errorf("%s: no outcome is expected", path)
	}
	return out, nil
}

// columns splits verdict, errno, value (which may be quoted) and call.
func columns(s string) ([]string, error) {
	var out []string
	for range 3 {
		s = strings.TrimLeft(s, " ")
		field, rest, _ := strings.Cut(s, " ")
		if strings.HasPrefix(s, `"`) {
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, fmt.Errorf("reading the value in %q: %w", s, err)
			}
			field, rest = quoted, s[len(quoted):]
		}
		if field == "" {
			return nil, errors.New("want verdict, errno, value and call")
		}
		out, s = append(out, field), rest
	}
	return append(out, strings.TrimSpace(s)), nil
}

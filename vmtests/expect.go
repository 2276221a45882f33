package vmtests

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// golden holds the expectations: testdata/expect/SERIES/PROFILE.txt, and of the probes that
// are asked by name alone testdata/expect/SERIES/perf/PROFILE.txt.
//
//go:embed all:testdata/expect
var golden embed.FS

// Deviation is one way in which a record is not what its profile is expected to be.
type Deviation struct {
	// Probe is the probe's ID, or "outcome".
	Probe string `json:"probe"`
	// Want and Got are the expected and the found answer; empty means none.
	Want string `json:"want"`
	Got  string `json:"got"`
}

// String says it in one line, in which the guest's own words are escaped.
func (d Deviation) String() string {
	return fmt.Sprintf("%s: want %s, got %s", report.Escape(d.Probe, 100),
		orNothing(report.Escape(d.Want, 1000)), orNothing(report.Escape(d.Got, 1000)))
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// ErrNoExpectation is returned for a profile that no expectation is kept for, such
// as one with a user's own fragments.
var ErrNoExpectation = errors.New("no expectation is kept")

// Deviations compares a record with the expectation of its series and profile, both
// ways: what is missing and what is new deviate too. A fault of the rig is a
// deviation of the outcome and nothing else, since the kernel never got to answer. Where
// probes were chosen, the others are not missed.
//
// Of a boot into an init that is asked about, the same is expected as of the profile
// alone, but for what the init's own expectation says otherwise.
//
// With ErrNoExpectation, and of probes that the user declared, come the deviations that are
// some on every kernel: probes that the host asked and the guest did not answer, or answered
// in two ways.
func Deviations(r record.Record) ([]Deviation, error) {
	want, err := expectation(golden, r)
	if errors.Is(err, ErrNoExpectation) {
		return unexplained(r), err
	}
	if err != nil {
		return nil, err
	}
	return append(deviations(want, r), ownDeviations(r)...), nil
}

// expectation returns what is expected of a record.
func expectation(files fs.FS, r record.Record) (answers, error) {
	want, err := readExpectation(files, r.Series, r.Profile)
	if err == nil && r.Init != "" && want[outcomeID] == string(record.Completed) {
		var all answers
		if all, err = readExpectation(files, r.Series, r.Ref().Profile()); err == nil {
			maps.Copy(all, want)
			want = all
		}
	}
	if err != nil || r.Probes == "" {
		return want, err
	}
	more, err := readExpectation(files, r.Series, wire.PerfFamily+"/"+r.Profile)
	if errors.Is(err, ErrNoExpectation) {
		err = nil
	}
	maps.Copy(want, more)
	maps.DeleteFunc(want, func(id, _ string) bool {
		return id != outcomeID && id != saidID && !asked(r, id)
	})
	return want, err
}

func readExpectation(files fs.FS, series, profile string) (answers, error) {
	path := expectPath(series, profile)
	data, err := fs.ReadFile(files, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s on %s: %w", profile, series, ErrNoExpectation)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the expectation: %w", err)
	}
	return parseExpectation(path, string(data))
}

// Probes gives, sorted, those probes of which something is expected anywhere that the
// patterns mean (wire.Matches).
func Probes(patterns string) ([]string, error) {
	all := answers{}
	err := fs.WalkDir(golden, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := golden.ReadFile(path)
		if err != nil {
			return err
		}
		some, err := parseExpectation(path, string(data))
		maps.Copy(all, some)
		return err
	})
	if err != nil {
		return nil, err
	}
	delete(all, outcomeID)
	delete(all, saidID)
	var chosen []string
	for _, id := range ids(all) {
		ok, err := wire.Matches(patterns, id)
		if err != nil {
			return nil, err
		}
		if ok {
			chosen = append(chosen, id)
		}
	}
	return chosen, nil
}

// Expected returns the findings that are expected of a profile on a series, with what an
// expectation holds of each: no details, no times.
func Expected(series, profile string) ([]wire.Finding, error) {
	want, err := readExpectation(golden, series, profile)
	var all []wire.Finding
	for _, id := range ids(want) {
		if id == outcomeID || id == saidID {
			continue
		}
		f, err := findingOf(id, want[id])
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, err
}

// findingOf returns the finding that answer made text of.
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

func expectPath(series, profile string) string {
	return "testdata/expect/" + series + "/" + profile + ".txt"
}

// outcomeID stands in the place of a probe for how the boot ended, saidID for what an init
// complained of that did not get to the end.
const (
	outcomeID = "outcome"
	saidID    = "said"
)

// answers are an expectation: per probe, and for "outcome", the expected answer.
type answers map[string]string

// answer is the part of a finding that an expectation holds a kernel to.
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

// quoteValue quotes what would not be read back as it is: a value with blanks, quotes or
// control characters, and one that is the mark of no value.
func quoteValue(s string) string {
	odd := func(r rune) bool { return r == '"' || unicode.IsSpace(r) || !unicode.IsPrint(r) }
	if s == "-" || strings.ContainsFunc(s, odd) {
		return strconv.Quote(s)
	}
	return s
}

// answersOf returns what a record holds in the place of what is expected.
func answersOf(r record.Record) answers {
	got := answers{outcomeID: string(r.Outcome)}
	if r.Init != "" && r.Outcome != record.Completed {
		got[saidID] = strings.Join(r.Said, "; ")
	}
	once, _ := settle(r.Findings)
	for _, f := range once {
		got[f.ID] = answer(f)
	}
	return got
}

func deviations(want answers, r record.Record) []Deviation {
	got := answersOf(r)
	var out []Deviation
	if want[outcomeID] != got[outcomeID] {
		out = append(out, Deviation{outcomeID, want[outcomeID], got[outcomeID]})
	}
	if r.Outcome.RigFault() {
		return out
	}
	for _, id := range ids(want, got) {
		if id != outcomeID && want[id] != got[id] && !unexpected(want, r, id) {
			out = append(out, Deviation{id, want[id], got[id]})
		}
	}
	return out
}

// unexpected reports whether nothing is expected of a probe of a record, so that no answer
// to it deviates: of the user's own, and of an application that was not asked where the
// expectation was written, as most were not on 6.1. Other probes are asked everywhere.
func unexpected(want answers, r record.Record, id string) bool {
	return slices.Contains(r.Own, id) || strings.HasPrefix(id, wire.AppFamily+"/") && want[id] == ""
}

// Unexpected returns the IDs of the probes of a record that are in its findings, and of
// which nothing is expected although something is of its profile.
func Unexpected(r record.Record) ([]string, error) {
	want, err := expectation(golden, r)
	if errors.Is(err, ErrNoExpectation) {
		return nil, nil
	}
	var list []string
	for _, f := range r.Findings {
		if unexpected(want, r, f.ID) {
			list = append(list, f.ID)
		}
	}
	return list, err
}

func ids(sets ...answers) []string {
	var out []string
	for _, set := range sets {
		for id := range set {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// formatExpectation writes what r found as an expectation: sorted, one line a probe,
// in columns, made to be read in a diff. What is inconclusive cannot be expected.
func formatExpectation(r record.Record) (string, error) {
	if r.Outcome.RigFault() {
		return "", fmt.Errorf("%s: %s is a fault of the rig: %s", r.Profile, r.Outcome, r.Reason)
	}
	lines := []string{outcomeID + " " + string(r.Outcome)}
	if said := answersOf(r)[saidID]; said != "" {
		lines = append(lines, saidID+" "+said)
	}
	// The same on every kernel, so that a diff of two shows only what differs.
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

// parseExpectation reads what formatExpectation writes.
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

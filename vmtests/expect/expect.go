// Package expect compares records with what their profiles are expected to find. It runs on
// the host. The expectations are files in its testdata, which make update writes:
// SERIES/PROFILE.txt, and SERIES/perf/PROFILE.txt for the probes that are asked by name alone.
package expect

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

//go:embed testdata
var golden embed.FS

// Files are expectations, by the paths that Path returns. Without an FS they are those that
// are compiled in.
type Files struct{ fs.FS }

func (f Files) read(path string) ([]byte, error) {
	if f.FS == nil {
		f.FS = golden
	}
	return fs.ReadFile(f.FS, path)
}

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
// With ErrNoExpectation, and for probes of the user's own and new ones, it returns what deviates
// on every kernel: probes that the host asked and the guest did not answer, or answered in two
// ways.
func Deviations(r record.Record) ([]Deviation, error) { return Files{}.Deviations(r) }

// Deviations does so with these expectations.
func (f Files) Deviations(r record.Record) ([]Deviation, error) {
	want, err := f.expectation(r)
	if errors.Is(err, ErrNoExpectation) {
		return unexplained(r), err
	}
	if err != nil {
		return nil, err
	}
	return append(deviations(want, r), otherDeviations(want, r)...), nil
}

// expectation returns what is expected of a record.
func (f Files) expectation(r record.Record) (answers, error) {
	want, err := f.of(r.Series, r.Profile)
	if err == nil && r.Init != "" && want[outcomeID] == string(record.Completed) {
		var all answers
		if all, err = f.of(r.Series, r.Ref().Profile()); err == nil {
			maps.Copy(all, want)
			want = all
		}
	}
	if err != nil || r.Probes == "" {
		return want, err
	}
	more, err := f.of(r.Series, wire.PerfFamily+"/"+r.Profile)
	if errors.Is(err, ErrNoExpectation) {
		err = nil
	}
	maps.Copy(want, more)
	maps.DeleteFunc(want, func(id, _ string) bool {
		return id != outcomeID && id != saidID && !r.Asked(id)
	})
	return want, err
}

func (f Files) of(series, profile string) (answers, error) {
	path := pathOf(series, profile)
	data, err := f.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s on %s: %w", profile, series, ErrNoExpectation)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the expectation: %w", err)
	}
	return parseExpectation(path, string(data))
}

// Path is where the expectation of a record's probes is kept.
func Path(r record.Record) string {
	if strings.HasPrefix(r.Probes, wire.PerfFamily+"/") {
		return pathOf(r.Series, wire.PerfFamily+"/"+r.Profile)
	}
	return pathOf(r.Series, r.Profile)
}

func pathOf(series, profile string) string { return "testdata/" + series + "/" + profile + ".txt" }

// Expected returns the findings that are expected of a profile on a series, with what an
// expectation holds of each: no details, no times.
func Expected(series, profile string) ([]wire.Finding, error) {
	want, err := Files{}.of(series, profile)
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

// outcomeID stands in the place of a probe for how the boot ended, saidID for what an init
// complained of that did not get to the end.
const (
	outcomeID = "outcome"
	saidID    = "said"
)

// answers are an expectation: per probe, and for "outcome", the expected answer.
type answers map[string]string

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
	want, err := Files{}.expectation(r)
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

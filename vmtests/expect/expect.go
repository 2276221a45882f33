// Package expect compares records with the expectations of their profiles. It runs on the host.
// The expectations are files in its testdata, which make update writes: SET/PROFILE.txt, and
// SET/perf/PROFILE.txt for the probes that run only when named. A set is a kernel series, such as
// 6.12, followed by the architecture unless it is x86_64, such as 6.12-arm64.
package expect

import (
	"cmp"
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

// Files are expectations: testdata/SET/PROFILE.txt and testdata/SET/perf/PROFILE.txt. Without
// an FS they are those compiled in.
type Files struct{ fs.FS }

func (f Files) fs() fs.FS {
	if f.FS == nil {
		return golden
	}
	return f.FS
}

// Deviation is one difference between a record and the expectation of its profile.
type Deviation struct {
	// Probe is the probe's ID, or "outcome".
	Probe string `json:"probe"`
	// Want and Got are the expected and the actual answer; empty means none.
	Want string `json:"want"`
	Got  string `json:"got"`
}

// String returns the deviation as one line, with the guest's text escaped.
func (d Deviation) String() string {
	return fmt.Sprintf("%s: want %s, got %s", report.Escape(d.Probe, 100),
		cmp.Or(report.Escape(d.Want, 1000), "nothing"), cmp.Or(report.Escape(d.Got, 1000), "nothing"))
}

// ErrNoExpectation is returned for a profile without an expectation, such as one with a user's own
// fragments.
var ErrNoExpectation = errors.New("no expectation is kept")

// Deviations compares a record with the expectation of its own set and profile: missing and new
// answers deviate too. After an infrastructure failure only the outcome deviates, since the kernel
// did not get to answer. If probes were chosen, the others are not missed.
//
// The expectation of a boot into an init is that of the profile, except where the init has its own.
//
// With ErrNoExpectation, and for the user's own and new probes, it returns what deviates on any
// kernel: probes that were asked and not answered, or answered inconsistently.
func Deviations(r record.Record) ([]Deviation, error) { return Files{}.Deviations(r) }

// Deviations is the function Deviations with these expectations.
func (f Files) Deviations(r record.Record) ([]Deviation, error) {
	want, err := f.expectation(r.Variant(), r)
	if errors.Is(err, ErrNoExpectation) {
		return unexplained(r), err
	}
	if err != nil {
		return nil, err
	}
	return deviations(want, r), nil
}

// expectation returns the answers that a set expects of a record.
func (f Files) expectation(set string, r record.Record) (answers, error) {
	want, err := f.of(set, r.Profile)
	if err == nil && r.Init != "" && want[outcomeID] == string(record.Completed) {
		var all answers
		if all, err = f.of(set, r.Ref().Profile()); err == nil {
			maps.Copy(all, want)
			want = all
		}
	}
	if err != nil || r.Probes == "" {
		return want, err
	}
	more, err := f.of(set, wire.PerfFamily+"/"+r.Profile)
	if errors.Is(err, ErrNoExpectation) {
		err = nil
	}
	maps.Copy(want, more)
	maps.DeleteFunc(want, func(id, _ string) bool {
		return id != outcomeID && id != saidID && !r.Asked(id)
	})
	return want, err
}

func (f Files) of(set, profile string) (answers, error) {
	path := pathOf(set, profile)
	data, err := fs.ReadFile(f.fs(), path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s on %s: %w", profile, set, ErrNoExpectation)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the expectation: %w", err)
	}
	return parseExpectation(path, string(data))
}

func pathOf(set, profile string) string { return "testdata/" + set + "/" + profile + ".txt" }

// Expected returns the findings that a set (6.12, 6.12-arm64) expects of a profile, without details
// and times.
func Expected(set, profile string) ([]wire.Finding, error) {
	want, err := Files{}.of(set, profile)
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

// outcomeID stands in place of a probe's ID for the outcome of the boot, saidID for the errors of
// an init that did not complete.
const (
	outcomeID = "outcome"
	saidID    = "said"
)

// answers are an expectation: per probe, and for "outcome", the expected answer.
type answers map[string]string

// answersOf returns the answers in a record.
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

// deviations returns all differences between a record and what is expected of it.
func deviations(want answers, r record.Record) []Deviation {
	return append(fromAnswers(want, r), otherDeviations(want, r)...)
}

func fromAnswers(want answers, r record.Record) []Deviation {
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

// unexpected reports whether a probe has no expectation, so any answer is accepted: it is a user's
// application, or one that was not run when the expectation was written, like most on 6.1. Other
// probes are asked everywhere.
func unexpected(want answers, r record.Record, id string) bool {
	return slices.Contains(r.Own, id) || strings.HasPrefix(id, wire.AppFamily+"/") && want[id] == ""
}

// Unexpected returns the IDs of the findings of a record for which there is no expectation, although
// there is one for its profile.
func Unexpected(r record.Record) ([]string, error) { return Files{}.Unexpected(r) }

// Unexpected is the function Unexpected with these expectations.
func (f Files) Unexpected(r record.Record) ([]string, error) {
	want, err := f.expectation(r.Variant(), r)
	if errors.Is(err, ErrNoExpectation) {
		return nil, nil
	}
	var list []string
	for _, finding := range r.Findings {
		if unexpected(want, r, finding.ID) {
			list = append(list, finding.ID)
		}
	}
	return list, err
}

func ids(sets ...answers) []string {
	all := answers{}
	for _, set := range sets {
		maps.Copy(all, set)
	}
	return slices.Sorted(maps.Keys(all))
}

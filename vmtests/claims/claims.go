// Package claims decides common beliefs about Linux networking from records of boots. It runs on
// the host and is pure: records in, a ledger out.
//
// A claim is an entry of claims.txt: the sentence, who says it, the profiles that have to be
// booted, and rules that turn findings into a ruling. Only records decide; a claim without
// its records is undecided, and the entry says what is missing.
package claims

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

//go:embed claims.txt
var ledger string

// Ruling is the records' verdict on a claim.
type Ruling string

// The rulings.
const (
	// True: the records confirm it.
	True Ruling = "true"
	// False: the records show the opposite.
	False Ruling = "false"
	// Depends: it is true of some kernels only, or only in part.
	Depends Ruling = "it depends"
	// Undecided: records are missing, or match no rule.
	Undecided Ruling = "undecided"
)

// Claim is a sentence and the rules that decide it.
type Claim struct {
	// ID is a short name, such as C6.
	ID string
	// Text is the sentence, Who makes the claim, and Because explains the rules.
	Text, Who, Because string
	// Profiles must be booted, Measured must be booted with the probes that measure speed.
	Profiles, Measured []string
	// Rules are tried in order; the first whose conditions all hold decides.
	Rules []Rule
}

// Rule decides a claim if all of its conditions hold.
type Rule struct {
	Verdict Ruling
	// On is what it depends on, for Depends.
	On         string
	Conditions []Condition
}

// Entry is the decision about a claim.
type Entry struct {
	ID      string `json:"id"`
	Text    string `json:"text"`
	Verdict Ruling `json:"verdict"`
	// DependsOn is what it depends on, for Depends.
	DependsOn string `json:"depends_on,omitempty"`
	// Evidence is what decided the conditions of the rule.
	Evidence []Evidence `json:"evidence"`
	// Missing is what an undecided claim lacks.
	Missing []string `json:"missing,omitempty"`

	claim Claim
}

// Evidence is a condition, what was found, and the record.
type Evidence struct {
	// Record is the ID of the record, Profile and Series the kernel; Series has the architecture
	// too, unless that is x86_64.
	Record  string `json:"record"`
	Profile string `json:"profile"`
	Series  string `json:"series"`
	// Condition is a condition of the rule, Found what the record has.
	Condition string `json:"condition"`
	Found     string `json:"found"`
}

// All returns the claims, in the order of the file.
func All() ([]Claim, error) { return Parse("claims.txt", ledger) }

// Decided decides the claims with the IDs, all for none, from records.
func Decided(records []record.Record, ids ...string) (entries []Entry, err error) {
	all, err := All()
	var known []string
	for _, c := range all {
		known = append(known, c.ID)
		if len(ids) == 0 || slices.Contains(ids, c.ID) {
			entries = append(entries, Decide(c, records))
		}
	}
	if err == nil && len(entries) == 0 {
		err = usage.Errorf("no such claim: %s; the claims are %s", strings.Join(ids, ", "), strings.Join(known, ", "))
	}
	return entries, err
}

// boots are the newest records for each choice of probes, by profile.
type boots map[string][]record.Record

// of returns the newest record of a profile with an answer of the probe or family, or else
// the newest of all.
func (b boots) of(profile, probe string) (best record.Record, there bool) {
	answered := false
	for _, r := range b[profile] {
		answers := probe != "" && len(report.Matching(r, probe)) > 0
		if !there || answers && !answered || answers == answered && r.Time.After(best.Time) {
			best, answered, there = r, answers, true
		}
	}
	return best, there
}

// Decide decides a claim from the newest records of its profiles, on every series and architecture
// with records. If they disagree, the ruling depends on the kernel.
func Decide(c Claim, records []record.Record) Entry {
	bySeries := map[string]boots{}
	var series []string
	for _, r := range record.Latest(records) {
		if bySeries[r.Variant()] == nil {
			bySeries[r.Variant()] = boots{}
			series = append(series, r.Variant())
		}
		bySeries[r.Variant()][r.Profile] = append(bySeries[r.Variant()][r.Profile], r)
	}
	slices.Sort(series)
	all := Entry{ID: c.ID, Text: c.Text, Evidence: []Evidence{}, claim: c}
	var said []string
	for _, s := range series {
		if !slices.ContainsFunc(c.profiles(), func(p string) bool { return bySeries[s][p] != nil }) {
			continue
		}
		one := c.decide(bySeries[s])
		all.Evidence = append(all.Evidence, one.Evidence...)
		all.Missing = append(all.Missing, one.Missing...)
		if one.Verdict == Undecided {
			all.Verdict = Undecided
			continue
		}
		said = append(said, fmt.Sprintf("%s on %s", one.Verdict, s))
		switch all.Verdict {
		case "":
			all.Verdict, all.DependsOn = one.Verdict, one.DependsOn
		case one.Verdict, Undecided:
		default:
			all.Verdict, all.DependsOn = Depends, "the kernel: "+strings.Join(said, ", ")
		}
	}
	if all.Verdict == "" {
		all.Verdict, all.Missing = Undecided, []string{"a boot of " + strings.Join(c.profiles(), ", ")}
	}
	return all
}

// profiles returns all profiles that the claim needs.
func (c Claim) profiles() []string { return slices.Concat(c.Profiles, c.Measured) }

// decide applies the rules to the records of one series.
func (c Claim) decide(booted boots) Entry {
	var missing []string
	for _, rule := range c.Rules {
		var evidence []Evidence
		holds := true
		for _, cond := range rule.Conditions {
			seen, ok, lack := cond.holds(booted)
			if lack != "" && !slices.Contains(missing, lack) {
				missing = append(missing, lack)
			}
			holds = holds && ok && lack == ""
			evidence = append(evidence, seen...)
		}
		if holds {
			return Entry{Verdict: rule.Verdict, DependsOn: rule.On, Evidence: evidence}
		}
	}
	if missing == nil {
		missing = []string{"a rule that matches what was found"}
	}
	return Entry{Verdict: Undecided, Missing: missing}
}

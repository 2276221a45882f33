// Package claims decides what people believe about Linux networking from records of
// boots. It runs on the host, and is pure: records in, a ledger out.
//
// A claim is an entry of claims.txt: the sentence, who says it, which profiles have to be
// booted, and rules that turn what was found there into a verdict. Nothing but records
// decides; a claim whose records are not there is undecided, and says what is missing.
package claims

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

//go:embed claims.txt
var ledger string

// Ruling is what experiments make of a claim.
type Ruling string

// The rulings.
const (
	// True: what it says was seen.
	True Ruling = "true"
	// False: the opposite was seen.
	False Ruling = "false"
	// Depends: it is true of some kernels and false of others, or of part of what it says.
	Depends Ruling = "it depends"
	// Undecided: records are missing, or fit no rule.
	Undecided Ruling = "undecided"
)

// Claim is a sentence and how it is decided.
type Claim struct {
	// ID is short, as people write it: C6.
	ID string
	// Text is the sentence, Who those who say it, Because why what is asked decides it.
	Text, Who, Because string
	// Profiles are those that have to be booted, Measured those that have to be booted with
	// the probes that measure.
	Profiles, Measured []string
	// Rules are tried in order; the first of which every condition holds gives the verdict.
	Rules []Rule
}

// Rule returns a verdict when all of its conditions hold.
type Rule struct {
	Verdict Ruling
	// On says on what it depends.
	On         string
	Conditions []Condition
}

// Entry is what became of a claim.
type Entry struct {
	ID      string `json:"id"`
	Text    string `json:"text"`
	Verdict Ruling `json:"verdict"`
	// DependsOn says on what it depends, where it does.
	DependsOn string `json:"depends_on,omitempty"`
	// Evidence is what the conditions that decided it are about.
	Evidence []Evidence `json:"evidence"`
	// Missing says, for an undecided claim, what would have to be known.
	Missing []string `json:"missing,omitempty"`
}

// Evidence is one condition, what was found, and where that is recorded.
type Evidence struct {
	// Record is the ID of the record, Profile and Series what was booted.
	Record  string `json:"record"`
	Profile string `json:"profile"`
	Series  string `json:"series"`
	// Condition is the rule's, Found what the record has.
	Condition string `json:"condition"`
	Found     string `json:"found"`
}

// All returns the claims, in the order of the file.
func All() ([]Claim, error) { return Parse("claims.txt", ledger) }

// boots are records by profile: the newest for each choice of probes.
type boots map[string][]record.Record

// of returns the newest record of a profile that has an answer of the probe, or of one of
// those whose IDs begin so, or else the newest of all.
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

// Decide decides a claim from the newest records of each of its profiles, for every kernel
// series that has any of them. Series that disagree make it depend on the series.
func Decide(c Claim, records []record.Record) Entry {
	bySeries := map[string]boots{}
	var series []string
	for _, r := range record.Latest(records) {
		if bySeries[r.Series] == nil {
			bySeries[r.Series] = boots{}
			series = append(series, r.Series)
		}
		bySeries[r.Series][r.Profile] = append(bySeries[r.Series][r.Profile], r)
	}
	slices.Sort(series)
	all := Entry{ID: c.ID, Text: c.Text, Evidence: []Evidence{}}
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

// profiles are all that a claim is about.
func (c Claim) profiles() []string { return slices.Concat(c.Profiles, c.Measured) }

// decide tries the rules on the records of one series, by profile.
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
		missing = []string{"a rule that fits what was found"}
	}
	return Entry{Verdict: Undecided, Missing: missing}
}

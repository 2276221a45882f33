package compare

import (
	"cmp"
	"slices"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// Family is the probes whose IDs begin with the same name.
type Family struct {
	Name string `json:"name"`
	// Probes is their number, Differ those whose answers differ.
	Probes int          `json:"probes"`
	Differ []Difference `json:"differ"`
}

// Difference is a probe that A and B answer differently.
type Difference struct {
	Probe string `json:"probe"`
	// A and B are the different answers on each, normally one, most frequent first; none if
	// the probe was not run.
	A []Answer `json:"a"`
	B []Answer `json:"b"`
}

// Answer is the part of a finding that does not vary from boot to boot. It has no verdict if
// the probe was announced but sent no finding.
type Answer struct {
	Verdict wire.Verdict `json:"verdict"`
	Errno   string       `json:"errno"`
	Value   string       `json:"value"`
	// Boots is how many boots answered so.
	Boots int `json:"boots"`
}

// asked reports whether any boot got as far as the probes.
func asked(records []record.Record) bool {
	return slices.ContainsFunc(records, func(r record.Record) bool { return len(r.Findings) > 0 })
}

// families compares the answers, in the order in which the probes ran.
func families(as, bs []record.Record) []Family {
	all := []Family{}
	for _, f := range report.Families(slices.Concat(as, bs)) {
		family := Family{Name: f.Name, Probes: len(f.IDs), Differ: []Difference{}}
		for _, id := range f.IDs {
			if a, b := answers(as, id), answers(bs, id); !same(a, b) {
				family.Differ = append(family.Differ, Difference{id, a, b})
			}
		}
		all = append(all, family)
	}
	return all
}

// answers counts the different answers of one probe.
func answers(records []record.Record, id string) []Answer {
	all := []Answer{}
	for _, r := range records {
		f, ok := report.Finding(r, id)
		if !ok && !slices.Contains(report.Probes(r), id) {
			continue
		}
		a := Answer{Verdict: f.Verdict, Errno: f.Errno, Value: f.Value}
		i := slices.IndexFunc(all, a.is)
		if i < 0 {
			i = len(all)
			all = append(all, a)
		}
		all[i].Boots++
	}
	slices.SortStableFunc(all, func(a, b Answer) int { return cmp.Compare(b.Boots, a.Boots) })
	return all
}

// is reports whether two answers are the same, regardless of their number of boots.
func (a Answer) is(b Answer) bool {
	return a.Verdict == b.Verdict && a.Errno == b.Errno && a.Value == b.Value
}

func same(a, b []Answer) bool {
	for _, x := range a {
		if !slices.ContainsFunc(b, x.is) {
			return false
		}
	}
	return len(a) == len(b)
}

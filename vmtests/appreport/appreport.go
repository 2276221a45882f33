// Package appreport selects and lists the results of applications in records. It runs on the host.
package appreport

import (
	"context"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// Answer is the result of one way of one application on one profile.
type Answer struct {
	App     string       `json:"app"`
	Way     string       `json:"way"`
	Profile string       `json:"profile"`
	Series  string       `json:"series"`
	Verdict wire.Verdict `json:"verdict"`
	// Value is how it failed: it does not start, or starts and does not answer.
	Value   string `json:"value,omitempty"`
	Errno   string `json:"errno,omitempty"`
	Syscall string `json:"syscall,omitempty"`
	// Line is the application's own error message.
	Line string `json:"line,omitempty"`
	// Seconds is the time from the start to the right answer.
	Seconds float64 `json:"seconds,omitempty"`
	// Own is set for a user's application, which has no expectation.
	Own bool `json:"own,omitempty"`
}

// List returns the answers to a probe or family as a flat list; never nil.
func List(records []record.Record, probe string) []Answer {
	list := []Answer{}
	for _, r := range records {
		for _, f := range report.Matching(r, probe) {
			id, ok := apps.ParseID(f.ID)
			if !ok {
				continue
			}
			_, line, _ := strings.Cut(f.Detail, wire.AppSaid)
			list = append(list, Answer{
				App: id.Name, Way: id.Way, Profile: r.Profile, Series: r.Variant(), Verdict: f.Verdict, Value: f.Value,
				Errno: f.Errno, Syscall: f.Call, Line: line, Seconds: f.Numbers["seconds"],
				Own: slices.Contains(r.Own, f.ID),
			})
		}
	}
	return list
}

// Asked returns the records of boots that may have run applications. The records need not be
// decoded.
func Asked(records []record.Record) []record.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool { return !r.Ref().Apps && !apps.Asked(r.Probes) })
}

// Answered returns the records with results of applications.
func Answered(records []record.Record) []record.Record { return having(records, wire.AppFamily) }

// Having returns the latest records with results of an application, or of one way of it, and its
// probe or family.
func Having(records []record.Record, which string) (probe string, found []record.Record) {
	probe = wire.AppFamily + "/" + strings.TrimPrefix(which, wire.AppFamily+"/")
	return probe, having(record.Latest(Answered(records)), probe)
}

func having(records []record.Record, probe string) []record.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool { return len(report.Matching(r, probe)) == 0 })
}

// Names returns the names of all applications, also those of the user's directory; none if they cannot
// be read.
func Names(dir string) (names []string) {
	all, _ := apps.Load(context.Background(), dir)
	for _, x := range all {
		names = append(names, x.Name)
	}
	return names
}

// Profiles returns the names of the profiles with applications, full for full+apps.
func Profiles() (names []string) {
	for _, p := range kconfigs.Apps() {
		names = append(names, ref.Parse(p.Name).Base)
	}
	return names
}

// Kernels returns the names of the kernels with applications of these profiles, of all if there are
// none: full+apps for full.
func Kernels(profiles []string) (names []string) {
	if len(profiles) == 0 {
		profiles = Profiles()
	}
	for _, name := range profiles {
		r := ref.Parse(name)
		r.Apps = true
		names = append(names, r.String())
	}
	return names
}

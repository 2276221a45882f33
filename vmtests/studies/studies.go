// Package studies compares records with published studies of applications and the network: Loupe,
// which disabled single system calls, and Lupine, which built each application a kernel with only
// what it needs. It runs on the host, starts no process, and works from records alone. If a study
// and the records do not cover the same thing, the row is "not comparable" and says why.
package studies

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// onApps returns the name of the variant of a rung for applications.
func onApps(rung string) string { return ref.Ref{Base: rung, Apps: true}.String() }

// The rungs of the ladder that the code names.
const (
	whole  = "full"
	noUnix = "no-unix"
	noNet  = "no-net"
)

// Agreement says whether the measurement agrees with a study.
type Agreement string

// The agreements.
const (
	Agree    Agreement = "agree"
	Disagree Agreement = "disagree"
	// NotComparable: study and record are about different things, or one has no answer.
	NotComparable Agreement = "not comparable"
)

// Row is one statement of a study, and the measurement.
type Row struct {
	// App and Way are the parts of the probe's ID, app/APP/WAY.
	App string `json:"app"`
	Way string `json:"way"`
	// Profile and Series name the kernel of the measurement. For Lupine it is the last of the
	// ladder on which the application works, or "".
	Profile string `json:"profile"`
	Series  string `json:"series"`
	// Least is, for Lupine, the last profile on which the application works in any way, and
	// that way: "no-inet+apps by unix".
	Least string `json:"least,omitempty"`
	// Source is the study's name for what it ran, Said its result.
	Source string `json:"source"`
	Said   string `json:"said"`
	// Found is what was measured.
	Found   string    `json:"found"`
	Verdict Agreement `json:"verdict"`
	// Why says why the two are not comparable, or how they differ. It may be empty.
	Why string `json:"why"`
}

// Comparison compares the records with one study.
type Comparison struct {
	// Study is the study's name, Source its publication and the terms of its data.
	Study  string `json:"study"`
	Source string `json:"source"`
	// Rows are sorted by series, application and way.
	Rows []Row `json:"rows"`
}

// Studies returns the names of the studies.
func Studies() []string { return []string{"loupe", "lupine"} }

// Against compares the records with a study, for every kernel series and application. The
// newest answer of each probe and profile counts.
func Against(study string, records []record.Record) (Comparison, error) {
	c := Comparison{Study: study, Rows: []Row{}}
	var rows func(answers, string) []Row
	var err error
	switch study {
	case "loupe":
		c.Source = "Lefeuvre et al., Loupe: Driving the Development of OS Compatibility Layers, ASPLOS 2024; data: github.com/unikraft/loupedb, CC BY 4.0"
		rows, err = loupe()
	case "lupine":
		c.Source = "Kuo et al., A Linux in Unikernel Clothing, EuroSys 2020; data: github.com/hckuo2/Lupine-Linux"
		rows, err = lupine()
	default:
		err = fmt.Errorf("unknown study %q; the studies are %s", study, strings.Join(Studies(), ", "))
	}
	if err != nil {
		return Comparison{}, err
	}
	all := collect(records)
	for _, series := range slices.Sorted(maps.Keys(all)) {
		for _, id := range all[series].probes() {
			way, _ := apps.ParseID(id)
			for _, r := range rows(all[series], id) {
				r.App, r.Way, r.Series = way.Name, way.Way, series
				c.Rows = append(c.Rows, r)
			}
		}
	}
	return c, nil
}

// place is a probe on a rung of the ladder.
type place struct{ rung, id string }

// answers are the newest findings on one kernel series. A probe that was asked in the newest
// boot and did not answer has one without a verdict.
type answers map[place]wire.Finding

// collect returns the answers by series. It skips infrastructure failures.
func collect(records []record.Record) map[string]answers {
	all := map[string]answers{}
	for _, r := range slices.SortedStableFunc(slices.Values(records), func(a, b record.Record) int { return a.Time.Compare(b.Time) }) {
		rung := r.Ref().Base
		if r.Profile != onApps(rung) || r.Outcome.RigFault() || r.Outcome == "" {
			continue
		}
		if all[r.Variant()] == nil {
			all[r.Variant()] = answers{}
		}
		for _, id := range report.Probes(r) {
			all[r.Variant()][place{rung, id}], _ = report.Finding(r, id)
		}
	}
	return all
}

// probes returns the probes of applications, sorted.
func (a answers) probes() []string {
	ids := map[string]bool{}
	for p := range a {
		if _, ok := apps.ParseID(p.id); ok {
			ids[p.id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// lacks returns why the answers to a probe cannot be compared with a study, or "". A failure shows
// what an application lacks only if it works with the whole network.
func (a answers) lacks(id string) string {
	switch a[place{whole, id}].Verdict {
	case wire.Works:
		return ""
	case wire.Absent:
		return "it does not work on the full kernel either"
	}
	return "the full kernel returned no answer"
}

// said describes a finding in a few words.
func said(f wire.Finding) string {
	switch f.Verdict {
	case wire.Absent:
		return strings.TrimSuffix(cmp.Or(f.Errno, "absent")+": "+f.Value, ": ")
	case "":
		return "no answer"
	}
	return string(f.Verdict)
}

// theirs is a study's name for an application. kin says how the two are related if they differ.
type theirs struct{ name, kin string }

// names returns the studies' names for an application.
func names(app string) []theirs {
	switch app {
	case "apache2":
		return []theirs{{name: "httpd"}}
	case "postgresql":
		return []theirs{{name: "postgres"}}
	case "mariadb":
		return []theirs{{name: "mariadb"}, {"mysql", "MariaDB is a fork of MySQL"}}
	case "rabbitmq":
		return []theirs{{name: "rabbitmq"}, {"erlang", "RabbitMQ runs on Erlang's virtual machine"}}
	case "node":
		return []theirs{{name: "node"}, {name: "nodejs"}, {name: "node-express"}}
	}
	return []theirs{{name: app}}
}

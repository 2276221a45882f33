// Package studies holds what others found of applications and the network beside what was
// measured here: Loupe, which took single system calls away from applications, and Lupine,
// which gave each application a kernel with what it needs. It runs on the host, starts
// nothing, and works from the records alone. What can be told apart by neither study nor
// records is "not comparable", and the row says why.
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

// onApps returns what a rung's profile is called with what applications need besides.
func onApps(rung string) string { return ref.Ref{Base: rung, Apps: true}.String() }

// The rungs of the ladder that are asked about by name.
const (
	whole  = "full"
	noUnix = "no-unix"
	noNet  = "no-net"
)

// Agreement is what the measurement makes of what a study says.
type Agreement string

// The agreements.
const (
	Agree    Agreement = "agree"
	Disagree Agreement = "disagree"
	// NotComparable: the two are about different things, or one of them says nothing.
	NotComparable Agreement = "not comparable"
)

// Row is one thing a study says, and what was measured.
type Row struct {
	// App and Way are those of the probe app/APP/WAY.
	App string `json:"app"`
	Way string `json:"way"`
	// Profile and Series name the kernels it was measured on: against Loupe that kernel,
	// against Lupine the last of the ladder on which the application works, or "".
	Profile string `json:"profile"`
	Series  string `json:"series"`
	// Least is, against Lupine, the last profile on which the application works in any way,
	// and which way that is: "no-inet+apps by unix".
	Least string `json:"least,omitempty"`
	// Source is the study's own name for what it ran, Said what it says of it.
	Source string `json:"source"`
	Said   string `json:"said"`
	// Found is what was measured.
	Found   string    `json:"found"`
	Verdict Agreement `json:"verdict"`
	// Why says what makes it comparable or not, and how it differs. It may be empty.
	Why string `json:"why"`
}

// Comparison is a study beside the records.
type Comparison struct {
	// Study is its name, Source where it is published, with the terms of its data.
	Study  string `json:"study"`
	Source string `json:"source"`
	// Rows are sorted by series, application and way.
	Rows []Row `json:"rows"`
}

// Studies returns the names of the studies.
func Studies() []string { return []string{"loupe", "lupine"} }

// Against compares the records with a study, for every kernel series and application in
// them. Of each probe and profile the newest answer counts.
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
		err = fmt.Errorf("no study is called %q; the studies are %s", study, strings.Join(Studies(), ", "))
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

// answers are the newest findings of one kernel series; a probe that was to run in the
// newest boot and did not answer has one without a verdict.
type answers map[place]wire.Finding

// collect returns the answers by series. A boot that met a fault of the rig has none.
func collect(records []record.Record) map[string]answers {
	all := map[string]answers{}
	for _, r := range slices.SortedStableFunc(slices.Values(records), func(a, b record.Record) int { return a.Time.Compare(b.Time) }) {
		rung := r.Ref().Base
		if r.Profile != onApps(rung) || r.Outcome.RigFault() || r.Outcome == "" {
			continue
		}
		if all[r.Series] == nil {
			all[r.Series] = answers{}
		}
		for _, id := range report.Probes(r) {
			all[r.Series][place{rung, id}] = answer(r, id)
		}
	}
	return all
}

// answer returns what a record says of a probe. Two answers that differ are none.
func answer(r record.Record, id string) wire.Finding {
	f := wire.Finding{ID: id}
	for _, g := range r.Findings {
		if g.ID == id && f.Verdict != "" && g.Verdict != f.Verdict {
			return wire.Finding{ID: id, Verdict: wire.Inconclusive}
		}
		if g.ID == id {
			f = g
		}
	}
	return f
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

// lacks says why nothing can be held against a study: it takes an application that works
// with the whole network to tell what is missing where it does not. It is empty where
// one does.
func (a answers) lacks(id string) string {
	switch a[place{whole, id}].Verdict {
	case wire.Works:
		return ""
	case wire.Absent:
		return "it does not work with the whole network either"
	}
	return "there is no answer from the kernel with the whole network"
}

// said puts a finding into a few words.
func said(f wire.Finding) string {
	switch f.Verdict {
	case wire.Absent:
		return strings.TrimSuffix(cmp.Or(f.Errno, "absent")+": "+f.Value, ": ")
	case "":
		return "no answer"
	}
	return string(f.Verdict)
}

// theirs is a study's name for an application, and how the two are related unless they
// are the same.
type theirs struct{ name, kin string }

// names returns what studies call an application.
func names(app string) []theirs {
	switch app {
	case "apache2":
		return []theirs{{name: "httpd"}}
	case "postgresql":
		return []theirs{{name: "postgres"}}
	case "mariadb":
		return []theirs{{name: "mariadb"}, {"mysql", "MariaDB grew out of MySQL"}}
	case "rabbitmq":
		return []theirs{{name: "rabbitmq"}, {"erlang", "RabbitMQ runs in Erlang's virtual machine"}}
	case "node":
		return []theirs{{name: "node"}, {name: "nodejs"}, {name: "node-express"}}
	}
	return []theirs{{name: app}}
}

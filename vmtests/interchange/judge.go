package interchange

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// status is what the answer to a test means.
type status int

const (
	// agrees: as expected, of the kernel itself or of the nearest with expectations.
	agrees status = iota
	// unjudged: nothing is expected, or only the nearest expectation says something else.
	unjudged
	// differs: not as expected.
	differs
	// missing: there is no answer, or none that is clear, although one was expected.
	missing
	// notAsked: the boot ended before.
	notAsked
	// fault: an infrastructure failure; says nothing about the kernel.
	fault
)

// failed reports whether it counts as a failure.
func (s status) failed() bool { return s == differs || s == missing }

// test is one question to a kernel, with its answer. All texts are escaped.
type test struct {
	name string
	// family is the first part of the ID of a probe; empty for the boot.
	family string
	status
	// words is the answer in a line. Evidence are lines of details.
	words    string
	evidence []string
	// unlike is set if only the nearest expectation says something else.
	unlike bool
	// finding is the answer as the guest sent it, not escaped.
	finding wire.Finding
	took    time.Duration
}

// judged is a record as tests: the boot, then the probes.
type judged struct {
	// name is the name of the kernel (package ref), different for each.
	name   string
	record record.Record
	tests  []test
	failed bool
}

// bootName is the name of the test that is the boot itself.
const bootName = "boot"

// outcomeID and saidID stand in expect.Deviation for the boot.
const (
	outcomeID = "outcome"
	saidID    = "said"
)

// judge returns the records as tests, compared with the expectations in kept.
func judge(kept expect.Files, records []record.Record) ([]judged, error) {
	var all []judged
	var names namer
	for _, r := range records {
		k := judged{name: names.unique(nameOf(r)), record: r}
		j, err := judgeOf(kept, r)
		if err != nil {
			return nil, fmt.Errorf("comparing %s with its expectation: %w", k.name, err)
		}
		var within namer
		for _, t := range append([]test{j.boot()}, j.probes()...) {
			t.name = within.unique(t.name)
			k.failed = k.failed || t.failed()
			k.tests = append(k.tests, t)
		}
		all = append(all, k)
	}
	return all, nil
}

// nameOf returns the name of the kernel, with its number among several boots in a run: full/2@6.12.
func nameOf(r record.Record) string {
	name := r.Ref()
	if number, again := strings.CutPrefix(r.ID, r.Run+"/"+r.Profile+"/"); again {
		name = ref.Ref{Base: r.Profile + "/" + number, Series: r.Series, Arch: r.Arch}
	}
	return report.Escape(name.String(), 100)
}

// namer makes names unique: readers drop the second of two tests with the same name.
type namer map[string]int

func (n *namer) unique(name string) string {
	if *n == nil {
		*n = namer{}
	}
	name = cmp.Or(strings.TrimSpace(name), "(unnamed)")
	for {
		(*n)[name]++
		if (*n)[name] == 1 {
			return name
		}
		name = fmt.Sprintf("%s (%d)", name, (*n)[name])
	}
}

// judgement is a record with what is expected of it.
type judgement struct {
	record.Record
	// deviations count, and notes, the differences from the nearest expectation, do not.
	deviations, notes map[string]expect.Deviation
	// nearest is the set whose expectation the record is compared with, if it is not its own.
	nearest string
	// own is set if there is an expectation of its own, which has no answer for the probes in open.
	own  bool
	open []string
}

func judgeOf(kept expect.Files, r record.Record) (judgement, error) {
	j := judgement{Record: r, deviations: map[string]expect.Deviation{}, notes: map[string]expect.Deviation{}, own: true}
	all, err := kept.Deviations(r)
	if errors.Is(err, expect.ErrNoExpectation) {
		j.own, err = false, nil
		var c expect.Comparison
		if c, err = kept.Compare(r); err == nil {
			j.nearest = c.Set
		} else if errors.Is(err, expect.ErrNoExpectation) {
			err = nil
		}
		for _, d := range c.Differences {
			j.notes[d.Probe] = d
		}
	}
	if err == nil {
		j.open, err = kept.Unexpected(r)
	}
	for _, d := range all {
		j.deviations[d.Probe] = d
	}
	return j, err
}

// faulty reports whether the boot has no verdict.
func (j judgement) faulty() bool { return j.Outcome == "" || j.Outcome.RigFault() }

// boot returns the test that is the boot itself. A kernel without an expectation must at least
// complete, or end as the nearest expectation says.
func (j judgement) boot() test {
	t := test{name: bootName, took: seconds(j.Phases.Exit)}
	ended := cmp.Or(string(j.Outcome), "no verdict")
	_, wrong := j.deviations[outcomeID]
	said, wrongSaid := j.deviations[saidID]
	_, unlike := j.notes[outcomeID]
	switch {
	case j.faulty():
		t.status, t.words = fault, "infrastructure failure, no result: "+ended
	case wrong:
		t.status, t.words = differs, fmt.Sprintf("want %s, got %s", j.deviations[outcomeID].Want, ended)
	case wrongSaid:
		t.status, t.words = differs, "init: "+contrast(said)
	case !j.own && j.Outcome != record.Completed && (j.nearest == "" || unlike):
		t.status, t.words = differs, "want completed, got "+ended
	case j.Outcome != record.Completed:
		t.words = ended + " as expected"
	}
	add := func(key, value string, most int) {
		if value != "" {
			t.evidence = append(t.evidence, key+": "+report.Escape(value, most))
		}
	}
	add("reason", j.Reason, 300)
	for _, n := range j.Notices[:min(len(j.Notices), 20)] {
		add("notice", n, 300)
	}
	switch {
	case j.own || j.faulty():
	case j.nearest == "":
		add("expectation", "none is kept", 100)
	default:
		add("expectation", j.nearest+", the nearest that is kept", 100)
	}
	if t.status != agrees {
		add("console log", j.ConsoleLog, 300)
		add("repeat", j.Machine.Command, 8000)
	}
	return t
}

// probes returns a test for each probe that was answered, announced or expected.
func (j judgement) probes() []test {
	ids, seen, at := report.Probes(j.Record), map[string]bool{}, map[string]int{}
	for i, f := range j.Findings {
		if _, twice := at[f.ID]; twice {
			i = -1
		}
		at[f.ID] = i
	}
	for _, id := range ids {
		seen[id] = true
	}
	var more []string
	for id := range j.deviations {
		if !seen[id] && id != outcomeID && id != saidID {
			more = append(more, id)
		}
	}
	slices.Sort(more)
	bad := j.boot().failed()
	var all []test
	for _, id := range append(ids, more...) {
		i, ok := at[id]
		t := test{name: report.Escape(id, 200)}
		t.family, _, _ = strings.Cut(t.name, "/")
		switch {
		case ok && i < 0: // several answers
			t.finding, _ = report.Finding(j.Record, id)
		case ok:
			t.finding = j.Findings[i]
		}
		t.finding.ID = id
		t.took = seconds(float64(t.finding.Micros) / 1e6)
		if t.status = j.of(id, t.finding.Verdict, ok, bad); t.status == fault {
			t.words = "infrastructure failure, no result"
		} else {
			t.words = j.words(t, ok)
		}
		_, t.unlike = j.notes[id]
		t.unlike = t.unlike && t.status == unjudged
		t.evidence = j.evidence(t)
		all = append(all, t)
	}
	return all
}

// of returns the status of a probe; bad is set if the boot itself failed.
func (j judgement) of(id string, v wire.Verdict, answered, bad bool) status {
	d, wrong := j.deviations[id]
	_, unlike := j.notes[id]
	switch {
	case j.faulty():
		return fault
	case wrong && d.Got != "" && v != wire.Inconclusive:
		return differs
	case wrong && (answered || j.Outcome == record.Completed || !bad || j.Running == id):
		return missing
	case !answered:
		return notAsked
	case !j.own && (j.nearest == "" || unlike), slices.Contains(j.open, id):
		return unjudged
	}
	return agrees
}

// words returns the answer to a probe in a line.
func (j judgement) words(t test, answered bool) string {
	f := t.finding
	said := report.Escape(strings.TrimSpace(f.Call+" "+f.Errno), 300)
	if f.Verdict == wire.Inconclusive {
		said = report.Escape(f.Detail, 300)
	}
	d, wrong := j.deviations[f.ID]
	note, unlike := j.notes[f.ID]
	switch {
	case t.status == notAsked && j.Running == f.ID:
		return "no answer: the boot ended while it ran"
	case t.status == notAsked && j.Outcome != record.Completed:
		return "not asked: the boot ended before"
	case wrong:
		return contrast(d)
	case !answered:
		return "no answer"
	case t.status == unjudged && unlike:
		return fmt.Sprintf("%s; unlike %s, the nearest with expectations: %s", verdict(f), j.nearest, contrast(note))
	case f.Verdict == wire.Works && t.status == agrees:
		return ""
	case f.Verdict == wire.Works:
		return "works; nothing is expected"
	case t.status == agrees:
		return strings.TrimSuffix(verdict(f)+" as expected: "+said, ": ")
	}
	return strings.TrimSuffix(verdict(f)+"; nothing is expected: "+said, ": ")
}

func verdict(f wire.Finding) string { return report.Escape(string(f.Verdict), 20) }

// contrast returns what was expected and what came.
func contrast(d expect.Deviation) string {
	return "want " + cmp.Or(plain(d.Want), "nothing") + ", got " + cmp.Or(plain(d.Got), "no answer")
}

// plain returns an answer without the dashes that stand for nothing in it, escaped. Its fields are those
// of expect.Fields.
func plain(answer string) string {
	var fields []string
	rest := answer
	for rest != "" {
		field, more, _ := strings.Cut(rest, " ")
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			field, more = quoted, strings.TrimPrefix(rest[len(quoted):], " ")
		}
		if len(fields) == 3 { // the call, in which a blank may be followed by a dash
			field, more = rest, ""
		}
		fields, rest = append(fields, field), more
	}
	return report.Escape(strings.Join(slices.DeleteFunc(fields, func(s string) bool { return s == "-" }), " "), 300)
}

// evidence returns lines about a probe.
func (j judgement) evidence(t test) (lines []string) {
	f := t.finding
	add := func(key, value string, most int) {
		if value != "" {
			lines = append(lines, key+": "+report.Escape(value, most))
		}
	}
	add("decided by", f.Call, 300)
	add("errno", f.Errno, 48)
	add("value", f.Value, 300)
	add("detail", f.Detail, 1000)
	for _, s := range f.Symbols[:min(len(f.Symbols), 20)] {
		add("symbol", s.String(), 300)
	}
	return lines
}

// seconds returns a time that a guest may have made up, between 0 and a day.
func seconds(s float64) time.Duration {
	const day = 24 * 60 * 60
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, day) * float64(time.Second))
}

// stamp returns a time as ISO 8601; empty if it is unknown or has no such form.
func stamp(t time.Time) string {
	if y := t.UTC().Year(); t.IsZero() || y < 1 || y > 9999 {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

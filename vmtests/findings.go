package vmtests

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// twoAnswers begins the detail of a finding that stands for two that contradict each other.
const twoAnswers = "the guest answered twice, and not the same: "

// settle returns each probe's finding once. A probe that answered twice, and not the same,
// has no answer that could be trusted, whichever came last.
func settle(all []wire.Finding) (once []wire.Finding, notices []string) {
	at := map[string]int{}
	repeated, contradicted := 0, []string{}
	for _, f := range all {
		i, seen := at[f.ID]
		switch {
		case !seen:
			at[f.ID] = len(once)
			once = append(once, f)
		case strings.HasPrefix(once[i].Detail, twoAnswers):
		case answer(once[i]) == answer(f):
			repeated++
		default:
			contradicted = append(contradicted, f.ID)
			once[i] = wire.Finding{ID: f.ID, Verdict: wire.Inconclusive, Micros: f.Micros,
				Detail: fmt.Sprintf("%s%.200s; then %.200s", twoAnswers, answer(once[i]), answer(f))}
		}
	}
	if repeated > 0 {
		notices = append(notices, fmt.Sprintf("%d findings came twice, the same each time", repeated))
	}
	if len(contradicted) > 0 {
		notices = append(notices, fmt.Sprintf("%d probes answered twice, and not the same, which is no answer: %s", len(contradicted), some(contradicted)))
	}
	return once, notices
}

// ErrProbes is returned for a list of probes that cannot be used, wherever it comes from.
var ErrProbes = errors.New("the list of probes cannot be used")

// checkPatterns refuses such a list.
func checkPatterns(patterns string) error {
	if _, err := wire.Matches(patterns, ""); err != nil {
		return fmt.Errorf("%w: %w", ErrProbes, err)
	}
	return nil
}

// some names the first few of the guest's own IDs.
func some(ids []string) string {
	const most = 5
	var named []string
	for _, id := range ids[:min(len(ids), most)] {
		named = append(named, report.Escape(id, 60))
	}
	text := strings.Join(named, ", ")
	if more := len(ids) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// asked reports whether the host asked for the probe id in the boot of a record. What the
// guest says of that counts for nothing.
func asked(r record.Record, id string) bool {
	family, _, _ := strings.Cut(id, "/")
	switch {
	case family == "init": // initramfs/probes asks these wherever an init is asked about
		return r.Init != ""
	case r.Probes == "":
		return family != wire.PerfFamily
	}
	ok, err := wire.Matches(r.Probes, id)
	return ok || err != nil // a list that means nothing asks for no less
}

// compareAsked holds a boot's findings against what the host asked: the applications where
// there are any, else the probes of which something is expected anywhere.
func (r *Rig) compareAsked(rec *record.Record) error {
	known, err := Probes("*")
	if err != nil {
		return err
	}
	known = slices.DeleteFunc(known, func(id string) bool {
		return strings.HasPrefix(id, "init/") || strings.HasPrefix(id, wire.AppFamily+"/")
	})
	if r.opts.Disk != nil {
		known = nil
		for _, a := range r.opts.Apps {
			known = append(known, a.ID)
		}
	}
	answered, strange := map[string]bool{}, []string{}
	for _, f := range rec.Findings {
		answered[f.ID] = true
		if !asked(*rec, f.ID) {
			strange = append(strange, f.ID)
		}
	}
	if len(strange) > 0 {
		rec.Notices = append(rec.Notices, fmt.Sprintf("the guest answered %d probes that it was not asked: %s", len(strange), some(strange)))
	}
	if rec.Outcome != record.Completed {
		return nil // the outcome says why there is more to ask
	}
	rec.Unanswered = slices.DeleteFunc(known, func(id string) bool { return answered[id] || !asked(*rec, id) })
	return nil
}

// InShort returns the deviations of a record with one in the place of all the probes that a
// boot which ended early did not answer.
func InShort(r record.Record, all []Deviation) []Deviation {
	if r.Outcome == record.Completed {
		return all
	}
	var out []Deviation
	missing := 0
	for _, d := range all {
		if d.Got != "" || d.Probe == outcomeID || d.Probe == saidID {
			out = append(out, d)
			continue
		}
		missing++
	}
	if missing > 0 {
		out = append(out, Deviation{fmt.Sprintf("%d probes", missing), "an answer of each", ""})
	}
	return out
}

// ownDeviations are those of unexplained that are about the user's own probes.
func ownDeviations(r record.Record) []Deviation {
	if r.Outcome.RigFault() {
		return nil
	}
	return slices.DeleteFunc(unexplained(r), func(d Deviation) bool { return !slices.Contains(r.Own, d.Probe) })
}

// unexplained returns the deviations of a record that are some on every kernel: what was
// asked and not answered, and what was answered in two ways.
func unexplained(r record.Record) []Deviation {
	var out []Deviation
	for _, id := range r.Unanswered {
		out = append(out, Deviation{id, "an answer", ""})
	}
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Detail, twoAnswers) {
			out = append(out, Deviation{f.ID, "one answer", "two"})
		}
	}
	return out
}

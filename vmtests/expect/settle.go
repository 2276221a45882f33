package expect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// twoAnswers begins the detail of a finding that replaces contradictory ones.
const twoAnswers = "the guest sent two different answers: "

// settle returns one finding for each probe. A probe with two different answers is inconclusive.
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
		notices = append(notices, fmt.Sprintf("%d findings were sent twice, identically", repeated))
	}
	if len(contradicted) > 0 {
		notices = append(notices, fmt.Sprintf("%d probes with two different answers, counted as inconclusive: %s", len(contradicted), some(contradicted, 5)))
	}
	return once, notices
}

// some names the first few IDs.
func some(ids []string, most int) string {
	var named []string
	for _, id := range ids[:min(len(ids), most)] {
		named = append(named, report.Escape(id, 80))
	}
	text := strings.Join(named, ", ")
	if more := len(ids) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Settle leaves one finding of each probe in the record of a boot. It sets Unanswered to the known
// probes that were asked and not answered, and adds notices about answers that contradict each
// other or were not asked for.
func Settle(r *record.Record, known []string) {
	once, notices := settle(r.Findings)
	r.Findings, r.Notices = once, append(r.Notices, notices...)
	answered, strange := map[string]bool{}, []string{}
	for _, f := range once {
		answered[f.ID] = true
		if !r.Asked(f.ID) {
			strange = append(strange, f.ID)
		}
	}
	if len(strange) > 0 {
		r.Notices = append(r.Notices, fmt.Sprintf("the guest answered %d probes that it was not asked: %s", len(strange), some(strange, 5)))
	}
	if r.Outcome != record.Completed {
		return // the outcome explains missing answers
	}
	r.Unanswered = slices.DeleteFunc(known, func(id string) bool { return answered[id] || !r.Asked(id) })
}

// InShort returns the deviations of a record. For a boot that ended early it merges all unanswered
// probes into one.
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

// otherDeviations are those of unexplained that concern the user's own probes, and unanswered
// probes without an expectation.
func otherDeviations(want answers, r record.Record) []Deviation {
	if r.Outcome.RigFault() {
		return nil
	}
	return slices.DeleteFunc(unexplained(r), func(d Deviation) bool {
		return !slices.Contains(r.Own, d.Probe) && (d.Got != "" || want[d.Probe] != "")
	})
}

// unexplained returns what deviates on any kernel: probes that were asked and not answered, or
// answered inconsistently.
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

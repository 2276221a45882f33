package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
)

// sentences returns the sentences of Summary.
func sentences(records []record.Record) []string {
	if len(records) == 0 {
		return []string{"No boots are recorded."}
	}
	heads, counts := labels(records), counted(records)
	said := []string{bootSentence(records, heads)}
	for i, r := range records {
		said = append(said, troubleSentence(r, heads[i]))
	}
	refs := references(records)
	all := effects(records, refs)
	for ref := range records {
		said = append(said, lossSentences(ref, refs, all, counts, heads, noun(records))...)
	}
	said = append(said, worksSentence(refs, counts, heads), unclearSentence(counts, heads), noticeSentence(counts, heads))
	return slices.DeleteFunc(said, func(s string) bool { return s == "" })
}

// Summary writes a few sentences: how the boots ended, and what each kernel lost against the
// one it is compared with. Every number in it is in the table as well. Lines are wrapped if o
// has a width.
func Summary(w io.Writer, records []record.Record, o TableOptions) error {
	var b strings.Builder
	for _, s := range sentences(records) {
		if o.Markdown {
			b.WriteString(table.Markdown(s) + "\n")
			continue
		}
		b.WriteString(strings.Join(table.Wrap(s, o.Width), "\n") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// tally counts the answers of one record's probes, and its notices.
type tally struct {
	probes, works, absent, unclear, notices int

	first string // absent probe
}

func count(r record.Record) tally {
	t := tally{notices: len(r.Notices)}
	for _, id := range Probes(r) {
		t.probes++
		switch f, _ := Finding(r, id); f.Verdict {
		case wire.Works:
			t.works++
		case wire.Absent:
			if t.absent == 0 {
				t.first = id
			}
			t.absent++
		default:
			t.unclear++
		}
	}
	return t
}

func counted(records []record.Record) []tally {
	counts := make([]tally, len(records))
	for i, r := range records {
		counts[i] = count(r)
	}
	return counts
}

// bootSentence says which boots completed. It counts kernels if each record is of another
// profile, boots otherwise.
func bootSentence(records []record.Record, heads []string) string {
	what, did, clean := "kernel", "booted and finished the probes", ", without an oops or a panic"
	var done []string
	faults := 0
	for i, r := range records {
		if heads[i] != name(r.Profile) {
			what, did = "boot", "finished the probes"
		}
		if r.Outcome == record.Completed {
			done = append(done, heads[i])
		}
		if len(r.Notices) > 0 {
			clean = ""
		}
		if r.Outcome.RigFault() {
			faults++
		}
	}
	n := len(records)
	switch {
	case faults == n:
		return "" // the next sentences say so
	case n == 1 && len(done) == 1:
		return fmt.Sprintf("The %s %s %s%s.", what, heads[0], did, clean)
	case n == 1:
		return fmt.Sprintf("The %s %s did not complete.", what, heads[0])
	case len(done) == n && n == 2:
		return fmt.Sprintf("Both %ss %s%s.", what, did, clean)
	case len(done) == n:
		return fmt.Sprintf("All%s %ss %s%s.", spelt(n), what, did, clean)
	case len(done) == 0:
		return fmt.Sprintf("None of the%s %ss %s.", spelt(n), what, did)
	}
	return fmt.Sprintf("Of the%s %ss only %s %s.", spelt(n), what, and(done), did)
}

// troubleSentence says how a boot that did not complete ended. The reason, which may be any
// text of a guest or a tool, is below the table.
func troubleSentence(r record.Record, head string) string {
	switch {
	case r.Outcome == record.Completed:
		return ""
	case r.Outcome.RigFault():
		return fmt.Sprintf("%s has no verdict: infrastructure failure (%s).", head, r.Outcome)
	case r.Outcome == "":
		return fmt.Sprintf("%s has no verdict.", head)
	}
	where := ""
	if r.Hello != nil {
		where = " after it had reached user space"
	}
	return fmt.Sprintf("%s %s%s.", head, ended(r.Outcome), where)
}

// ended describes the outcome of a kernel that did not complete.
func ended(o record.Outcome) string {
	switch o {
	case record.Panicked:
		return "panicked"
	case record.InitFailed:
		return "had no init, or its init exited"
	case record.Hung:
		return "hung"
	case record.Reset:
		return "restarted"
	case record.Silent:
		return "wrote nothing on its console"
	case record.TimedOut:
		return "was still making progress at the time limit"
	}
	return "ended as " + name(string(o))
}

// lossSentences say what the kernels that are compared with ref lost and gained, largest loss
// first.
func lossSentences(ref int, refs []int, all []*effect, counts []tally, heads []string, noun string) []string {
	var lost, gained, spared []string
	var order []int
	for i := range refs {
		if refs[i] == ref {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(all[b].lost, all[a].lost) })
	for _, i := range order {
		switch n := all[i].lost; {
		case n == 0:
			spared = append(spared, heads[i])
		case lost == nil:
			lost = append(lost, fmt.Sprintf("%d of the %d %s that work on %s %s on %s", n, all[i].of, noun, heads[ref], plural("fail", n), heads[i]))
		default:
			lost = append(lost, fmt.Sprintf("%d on %s", n, heads[i]))
		}
		if n := all[i].gained; n > 0 {
			gained = append(gained, fmt.Sprintf("%d on %s", n, heads[i]))
		}
	}
	var said []string
	switch {
	case order == nil:
		return nil
	case lost == nil:
		said = append(said, fmt.Sprintf("None of the %d %s that work on %s fails on %s.", counts[ref].works, noun, heads[ref], or(spared)))
	case spared == nil:
		said = append(said, and(lost)+".")
	default:
		said = append(said, strings.Join(lost, ", ")+", none on "+or(spared)+".")
	}
	if n := counts[ref].absent; n > 0 {
		said = append(said, fmt.Sprintf("%d other %s fail on %s too.", n, noun, heads[ref]))
		if n == 1 {
			said[1] = fmt.Sprintf("1 other probe fails on %s too.", heads[ref])
		}
	}
	if gained != nil {
		said = append(said, fmt.Sprintf("Absent on %s but working elsewhere: %s.", heads[ref], strings.Join(gained, ", ")))
	}
	return said
}

// worksSentence is about records that are neither compared nor a reference.
func worksSentence(refs []int, counts []tally, heads []string) string {
	var said []string
	asked := false
	for i, t := range counts {
		asked = asked || t.probes > 0
		if t.probes == 0 || refs[i] != none || slices.Contains(refs, i) {
			continue
		}
		if len(counts) == 1 && t.unclear == 0 {
			return fmt.Sprintf("On %s %d of %d probes %s, and %d %s.", heads[i], t.works, t.probes, plural("work", t.works), t.absent, plural("fail", t.absent))
		}
		said = append(said, fmt.Sprintf("%d of %d on %s", t.works, t.probes, heads[i]))
	}
	switch {
	case !asked:
		return "No probe was run."
	case said == nil:
		return ""
	}
	return "Probes that work: " + strings.Join(said, ", ") + "."
}

func unclearSentence(counts []tally, heads []string) string {
	var said []string
	for i, t := range counts {
		if t.unclear > 0 {
			said = append(said, fmt.Sprintf("%d on %s", t.unclear, heads[i]))
		}
	}
	if said == nil {
		return ""
	}
	return "Probes without a clear answer, counted as neither: " + strings.Join(said, ", ") + "."
}

func noticeSentence(counts []tally, heads []string) string {
	var said []string
	for i, t := range counts {
		if t.notices > 0 {
			said = append(said, fmt.Sprintf("%d on %s", t.notices, heads[i]))
		}
	}
	if said == nil {
		return ""
	}
	return "Notices (oopses and the like): " + strings.Join(said, ", ") + "."
}

// noun returns what is counted: probes, or ways to use an application if all are those.
func noun(records []record.Record) string {
	for _, f := range Families(records) {
		if f.Name != wire.AppFamily {
			return "probes"
		}
	}
	return "ways to use an application"
}

// spelt spells a small number after a space. It omits greater ones, which are not in the table.
func spelt(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < len(words) {
		return " " + words[n]
	}
	return ""
}

// plural returns the verb for n of something.
func plural(verb string, n int) string {
	if n == 1 {
		return verb + "s"
	}
	return verb
}

func and(list []string) string { return series(list, " and ") }
func or(list []string) string  { return series(list, " or ") }

// series joins a list for a sentence.
func series(list []string, last string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + last + list[len(list)-1]
}

package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Summary says in a few sentences what the records show: how the boots ended, how
// many probes work, and what the others answer. It claims nothing that the records
// do not hold, whatever they hold.
func Summary(records []record.Record) []string {
	if len(records) == 0 {
		return []string{"No boots are recorded."}
	}
	heads := labels(records)
	said := []string{bootSentence(records, heads)}
	for i, r := range records {
		if s := troubleSentence(r, heads[i]); s != "" {
			said = append(said, s)
		}
	}
	counts := make([]tally, len(records))
	for i, r := range records {
		counts[i] = count(r)
	}
	for _, s := range []string{
		worksSentence(counts, heads), absentSentence(records, counts, heads),
		unclearSentence(counts, heads), noticeSentence(records, heads),
	} {
		if s != "" {
			said = append(said, s)
		}
	}
	return said
}

// tally counts the answers of one record's probes.
type tally struct {
	probes, works, absent, unclear int
	errnos                         map[string]int // of those absent
}

func count(r record.Record) tally {
	t := tally{errnos: map[string]int{}}
	for _, id := range Probes(r) {
		t.probes++
		f, ok := Finding(r, id)
		switch {
		case ok && f.Verdict == wire.Works:
			t.works++
		case ok && f.Verdict == wire.Absent:
			t.absent++
			t.errnos[probeCell(r, id).text]++
		default:
			t.unclear++
		}
	}
	return t
}

// bootSentence says how many completed. "Kernels" is right only where each record is
// of another profile; else it is boots that are counted.
func bootSentence(records []record.Record, heads []string) string {
	noun := "kernel"
	for i, r := range records {
		if heads[i] != name(r.Profile) {
			noun = "boot"
		}
	}
	var done []string
	for i, r := range records {
		if r.Outcome == record.Completed {
			done = append(done, heads[i])
		}
	}
	const end = "to user space and to the end of the probes"
	verb := "booted"
	if noun == "boot" {
		verb = "got"
	}
	n := len(records)
	switch {
	case n == 1 && len(done) == 1:
		return fmt.Sprintf("The %s %s %s %s.", noun, heads[0], verb, end)
	case n == 1:
		return fmt.Sprintf("The %s %s did not complete.", noun, heads[0])
	case len(done) == n && n == 2:
		return fmt.Sprintf("Both %ss %s %s.", noun, verb, end)
	case len(done) == n:
		return fmt.Sprintf("All %s %ss %s %s.", number(n), noun, verb, end)
	case len(done) == 0:
		return fmt.Sprintf("None of %s %ss %s %s.", number(n), noun, verb, end)
	}
	return fmt.Sprintf("%s of %s %ss %s %s: %s.",
		capital(number(len(done))), number(n), noun, verb, end, strings.Join(done, ", "))
}

// troubleSentence says of a boot that did not complete how it ended.
func troubleSentence(r record.Record, head string) string {
	if r.Outcome == record.Completed {
		return ""
	}
	why := ""
	if r.Reason != "" {
		why = ": " + strings.TrimRight(text(r.Reason), ".")
	}
	switch {
	case r.Outcome.RigFault():
		return fmt.Sprintf("%s has no verdict, because the rig failed (%s)%s.", head, r.Outcome, why)
	case r.Outcome == "":
		return fmt.Sprintf("%s has no verdict%s.", head, why)
	}
	where := ""
	if r.Hello != nil {
		where = " after it had reached user space"
	}
	return fmt.Sprintf("%s %s%s%s.", head, ended(r.Outcome), where, why)
}

// ended puts the outcome of a kernel that did not complete into words.
func ended(o record.Outcome) string {
	switch o {
	case record.Panicked:
		return "panicked"
	case record.InitFailed:
		return "found no init, or lost it,"
	case record.Hung:
		return "hung"
	case record.Reset:
		return "started over"
	case record.Silent:
		return "wrote nothing on its console"
	case record.TimedOut:
		return "was still going when its time was up,"
	}
	return "ended as " + name(string(o))
}

func worksSentence(counts []tally, heads []string) string {
	var said []string
	for i, t := range counts {
		if t.probes > 0 {
			said = append(said, fmt.Sprintf("%d of %d in %s", t.works, t.probes, heads[i]))
		}
	}
	if said == nil {
		return "No probe was run."
	}
	return "Probes that work: " + strings.Join(said, ", ") + "."
}

// absentSentence is about the record where most is absent, and about the kernel
// itself, which is another matter than what programs are refused.
func absentSentence(records []record.Record, counts []tally, heads []string) string {
	most := 0
	for i, t := range counts {
		if t.absent > counts[most].absent {
			most = i
		}
	}
	t := counts[most]
	if t.absent == 0 {
		return ""
	}
	names := slices.SortedFunc(maps.Keys(t.errnos), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.errnos[b], t.errnos[a]), cmp.Compare(a, b))
	})
	for i, errno := range names {
		names[i] = fmt.Sprintf("%s %d", errno, t.errnos[errno])
	}
	itself := ""
	if records[most].Outcome == record.Completed && len(records[most].Notices) == 0 {
		itself = "; the kernel itself ran to the end without an oops or a panic"
	}
	return fmt.Sprintf("In %s %d of %d probes find nothing there: %s%s.",
		heads[most], t.absent, t.probes, strings.Join(names, ", "), itself)
}

func unclearSentence(counts []tally, heads []string) string {
	var said []string
	for i, t := range counts {
		if t.unclear > 0 {
			said = append(said, fmt.Sprintf("%d in %s", t.unclear, heads[i]))
		}
	}
	if said == nil {
		return ""
	}
	return "Probes without a clear answer, counted as neither: " + strings.Join(said, ", ") + "."
}

func noticeSentence(records []record.Record, heads []string) string {
	var said []string
	for i, r := range records {
		if n := len(r.Notices); n > 0 {
			said = append(said, fmt.Sprintf("%d in %s", n, heads[i]))
		}
	}
	if said == nil {
		return ""
	}
	return "Notices (oopses and the like): " + strings.Join(said, ", ") + "."
}

// number spells small numbers.
func number(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

// capital begins a sentence with a number that is spelt.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

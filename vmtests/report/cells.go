package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
)

// labels returns a short name for each record: its profile, or its ID without the run if a
// profile occurs several times, and its kernel series and architecture if there are several.
func labels(records []record.Record) []string {
	count, variants := map[string]int{}, map[string]bool{}
	for _, r := range records {
		count[r.Profile+r.Variant()]++
		variants[r.Variant()] = true
	}
	labels := make([]string, len(records))
	for i, r := range records {
		label := r.Profile
		if count[r.Profile+r.Variant()] > 1 {
			label = strings.TrimPrefix(r.ID, r.Run+"/")
		}
		if len(variants) > 1 {
			label = ref.Ref{Base: label, Series: r.Series, Arch: r.Arch}.String()
		}
		labels[i] = name(label)
	}
	return labels
}

// Family is the probes whose IDs begin with Name.
type Family struct {
	Name string
	IDs  []string
}

// Families returns every probe of any record, in the order in which the guest ran them; one
// that only a later record has comes at the end of its family.
func Families(records []record.Record) []Family {
	var all []Family
	at := map[string]int{}
	seen := map[string]bool{}
	for _, r := range records {
		for _, id := range Probes(r) {
			if seen[id] {
				continue
			}
			seen[id] = true
			fam, _, _ := strings.Cut(id, "/")
			i, ok := at[fam]
			if !ok {
				i = len(all)
				at[fam] = i
				all = append(all, Family{Name: fam})
			}
			all[i].IDs = append(all[i].IDs, id)
		}
	}
	return all
}

// Probes returns the IDs of a record's probes, each once: those that the guest announced,
// then any others that it sent a finding for.
func Probes(r record.Record) []string {
	var ids []string
	seen := map[string]bool{}
	add := func(id string) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	if r.Hello != nil {
		for _, id := range r.Hello.Probes {
			add(id)
		}
	}
	for _, f := range r.Findings {
		add(f.ID)
	}
	return ids
}

// Finding returns a record's finding of a probe. If the probe sent several with different
// verdicts, it is inconclusive.
func Finding(r record.Record, id string) (wire.Finding, bool) {
	i := slices.IndexFunc(r.Findings, func(f wire.Finding) bool { return f.ID == id })
	if i < 0 {
		return wire.Finding{}, false
	}
	f := r.Findings[i]
	for _, g := range r.Findings[i+1:] {
		if g.ID == id && g.Verdict != f.Verdict {
			f.Verdict, f.Errno, f.Value = wire.Inconclusive, "", ""
		}
	}
	return f, true
}

// noAnswer is the cell of an unknown answer.
const noAnswer = "-"

// probeCell returns a finding in one word. Only a conclusive absence shows its errno.
func probeCell(r record.Record, id string) table.Cell {
	f, ok := Finding(r, id)
	switch {
	case !ok && r.Running == id:
		return table.Cell{Text: "cut off", Mark: table.Doubtful}
	case !ok:
		return table.Cell{Text: noAnswer}
	case f.Verdict == wire.Works:
		return table.Cell{Text: "works"}
	case f.Verdict == wire.Absent && isErrno(f.Errno) && (within(id, wire.AppFamily) || f.Exit != nil):
		return table.Cell{Text: f.Errno + " " + callName(f.Call), Mark: table.Bad}
	case f.Verdict == wire.Absent && isErrno(f.Errno):
		return table.Cell{Text: f.Errno, Mark: table.Bad}
	case f.Verdict == wire.Inconclusive && f.Exit != nil && f.Value != "":
		return table.Cell{Text: Escape(f.Value, 30), Mark: table.Doubtful}
	case f.Verdict == wire.Absent:
		return table.Cell{Text: "absent", Mark: table.Bad}
	}
	if slices.ContainsFunc(f.Symbols, notLoaded) {
		return table.Cell{Text: "not loaded", Mark: table.Doubtful}
	}
	return table.Cell{Text: "inconclusive", Mark: table.Doubtful}
}

// notLoaded reports whether a symbol is a module that was not loaded.
func notLoaded(s wire.Symbol) bool { return s.Value == "m" && !s.Loaded }

// callName returns a call without its arguments. An application makes many calls, so its
// errno says little without it.
func callName(call string) string {
	name, _, _ := strings.Cut(call, "(")
	return Escape(name, 20)
}

// isErrno reports whether s looks like an errno; Linux's have at most 15 letters
// (EPROTONOSUPPORT, ENOTRECOVERABLE).
func isErrno(s string) bool {
	rest, ok := strings.CutPrefix(s, "E")
	return ok && rest != "" && len(s) <= 15 && strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

func outcomeCell(r record.Record) table.Cell {
	switch {
	case r.Outcome == record.Completed:
		return table.Cell{Text: "completed"}
	case r.Outcome == "":
		return table.Cell{Text: "no verdict", Mark: table.Doubtful}
	case r.Outcome.RigFault():
		return table.Cell{Text: string(r.Outcome), Mark: table.Doubtful}
	}
	return table.Cell{Text: string(r.Outcome), Mark: table.Bad}
}

// userSpaceCell returns the time from QEMU's start to the first sign of user space: the
// console line about init or, on a silent console, the guest's first event.
func userSpaceCell(r record.Record) table.Cell {
	for _, s := range []float64{r.Phases.Init, r.Phases.FirstEvent} {
		if s > 0 {
			return table.Cell{Text: fmt.Sprintf("%.2f s", s)}
		}
	}
	return table.Cell{Text: "-"}
}

func imageCell(r record.Record) table.Cell { return table.Cell{Text: Size(r.Kernel.ImageBytes)} }

// Size returns a number of bytes in binary units, "-" if it is unknown.
func Size(n int64) string {
	switch {
	case n <= 0:
		return "-"
	case n < 1<<20:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.2f MiB", float64(n)/(1<<20))
}

package report

import (
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

// none stands for the reference of a record that is compared with no other.
const none = -1

// references returns for each record the index of the one it is compared with, or none.
// A reference completed, is of the same kernel series and init, and has a probe that
// works; what answered nothing is compared with none. It is the kernel that something was taken from, by its name, if that was booted
// too (full for no-net, services for services-no-net), and otherwise the record on which
// most probes work. What others are compared with by name is compared with nothing.
func references(records []record.Record) []int {
	refs, named := make([]int, len(records)), map[int]bool{}
	counts := counted(records)
	may := func(j, i int) bool {
		ref, r := records[j], records[i]
		return ref.ID != r.ID && ref.Outcome == record.Completed && ref.Series == r.Series && ref.Init == r.Init &&
			counts[j].works > 0 && counts[i].works+counts[i].absent > 0
	}
	for i, r := range records {
		refs[i] = none
		for j, ref := range records {
			if refs[i] == none && may(j, i) && ref.Profile == base(r.Profile) {
				refs[i] = j
				named[j] = true
			}
		}
	}
	for i := range records {
		if refs[i] != none || named[i] {
			continue
		}
		most := counts[i].works - 1 // of two that are equal the earlier one is the reference
		for j := range records {
			if n := counts[j].works; may(j, i) && n > most && (n > counts[i].works || j < i) {
				refs[i], most = j, n
			}
		}
	}
	return refs
}

// base returns the name of the profile that this one takes something from, or "": a
// rung of the ladder takes it from full, X-no-Y from X. Fragments and inits, which stand
// behind the name, are the same.
func base(profile string) string {
	name, rest := profile, ""
	if i := strings.IndexAny(profile, "+/"); i >= 0 {
		name, rest = profile[:i], profile[i:]
	}
	switch before, _, ok := strings.Cut(name, "-no-"); {
	case strings.HasPrefix(name, "no-"), name == "bare-net", name == "lo-down":
		return "full" + rest
	case ok:
		return before + rest
	}
	return ""
}

// effect is what a kernel lost and gained against its reference. Probes without a clear
// answer on either of the two count as neither.
type effect struct {
	of, lost, gained int    // of those that work on the reference
	first            string // the first probe that was lost
}

func effectOf(ref, r record.Record) effect {
	e := effect{}
	for _, id := range Probes(ref) {
		was, _ := Finding(ref, id)
		is, _ := Finding(r, id)
		switch {
		case was.Verdict == wire.Works && is.Verdict == wire.Absent:
			if e.lost == 0 {
				e.first = id
			}
			e.lost++
			e.of++
		case was.Verdict == wire.Works:
			e.of++
		case was.Verdict == wire.Absent && is.Verdict == wire.Works:
			e.gained++
		}
	}
	return e
}

// effects returns the effect on each record that is compared, and nil for the others.
func effects(records []record.Record, refs []int) []*effect {
	all := make([]*effect, len(records))
	for i, ref := range refs {
		if ref != none {
			e := effectOf(records[ref], records[i])
			all[i] = &e
		}
	}
	return all
}

// Compared reports whether any record is compared with another, so that Table leaves out
// the lines of probes that answer alike.
func Compared(records []record.Record) bool {
	return slices.ContainsFunc(references(records), func(ref int) bool { return ref != none })
}

// Closer returns the record and the probe that are most worth a look: the first probe that
// the record with the greatest loss lost against its reference or, where nothing is
// compared, the first that finds nothing on the record where most is absent. The probe is
// "" if there is none.
func Closer(records []record.Record) (r record.Record, probe string) {
	most := 0
	for i, e := range effects(records, references(records)) {
		if e != nil && e.lost > most && plainID(e.first) {
			r, probe, most = records[i], e.first, e.lost
		}
	}
	if probe != "" {
		return r, probe
	}
	for _, rec := range records {
		t := count(rec)
		if t.absent > most && plainID(t.first) {
			r, probe, most = rec, t.first, t.absent
		}
	}
	return r, probe
}

// plainID reports whether an ID can be shown, and pasted, as it is.
func plainID(id string) bool {
	return Escape(id, len(id)) == id && !strings.ContainsAny(id, " '\"\\$`")
}

package report

import (
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

// none is the reference of a record that is compared with no other.
const none = -1

// references returns, for each record, the index of the one it is compared with, or none. A
// reference completed, has the same kernel series, architecture and init, and has a probe that works. It is
// the kernel from which something was removed, by its name (full for no-net, services for
// services-no-net) or, if that was not booted, the record on which most probes work. A
// reference by name, and a record without answers, are themselves compared with none.
func references(records []record.Record) []int {
	refs, named := make([]int, len(records)), map[int]bool{}
	counts := counted(records)
	may := func(j, i int) bool {
		ref, r := records[j], records[i]
		return ref.ID != r.ID && ref.Outcome == record.Completed && ref.Variant() == r.Variant() && ref.Init == r.Init &&
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
		most := counts[i].works - 1 // of equals the earlier one is the reference
		for j := range records {
			if n := counts[j].works; may(j, i) && n > most && (n > counts[i].works || j < i) {
				refs[i], most = j, n
			}
		}
	}
	return refs
}

// base returns the profile from which this one removes something, or "": full for a rung of
// the ladder, X for X-no-Y, with the same fragments and init behind the name.
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
// answer on one of them count as neither.
type effect struct {
	of, lost, gained int    // of is how many work on the reference
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

// effects returns the effect on each record that is compared, nil for the others.
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

// Compared reports whether any record is compared with another, so that Table omits probes
// that answer alike.
func Compared(records []record.Record) bool {
	return slices.ContainsFunc(references(records), func(ref int) bool { return ref != none })
}

// Closer returns the record and probe most worth a closer look: the first probe lost on the
// record that lost most against its reference or, if none is compared, the first absent one
// on the record with most of those. The probe is "" if there is none.
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

// plainID reports whether an ID can be shown and pasted unchanged.
func plainID(id string) bool {
	return Escape(id, len(id)) == id && !strings.ContainsAny(id, " '\"\\$`")
}

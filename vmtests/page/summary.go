package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/vmtests/claims"
	"github.com/netstrip/netstrip/vmtests/report"
)

// sizeOf returns a number of bytes in words.
func sizeOf(n int64) string { return report.Size(n) }

// claim is a decision with the cells that it rests on.
type claim struct {
	ID, Text, Verdict, Class, On, Missing string
	Evidence                              []evidence
}

// evidence is a condition, what was found, and the cell, if it is one.
type evidence struct {
	Kernel, Condition, Found, Probe string
	Linked                          bool
}

// maxEvidence is how many pieces of evidence of a claim are listed.
const maxEvidence = 40

// claims returns the decided claims, then the others.
func (s *study) claims(entries []claims.Entry) []claim {
	rows := s.rowIDs()
	names := map[string]string{}
	for _, k := range s.Kernels {
		for _, r := range k.Boots {
			names[r.ID] = k.Name
		}
	}
	var decided, rest []claim
	for _, e := range entries {
		c := claim{ID: e.ID, Text: e.Text, Verdict: string(e.Verdict), On: esc(e.DependsOn)}
		switch e.Verdict {
		case claims.True:
			c.Class = "ok"
		case claims.False:
			c.Class = "bad"
		case claims.Depends:
			c.Class = "doubt"
		default:
			c.Class = "none"
		}
		if len(e.Missing) > 0 {
			c.Missing = esc(e.Missing[0])
		}
		for _, v := range e.Evidence[:min(len(e.Evidence), maxEvidence)] {
			probe, _, _ := strings.Cut(v.Found, " ")
			c.Evidence = append(c.Evidence, evidence{names[v.Record], esc(v.Condition), esc(v.Found), word(probe), rows[probe] && names[v.Record] != ""})
		}
		if e.Verdict == claims.Undecided {
			rest = append(rest, c)
		} else {
			decided = append(decided, c)
		}
	}
	return append(decided, rest...)
}

// rowIDs are the probes with a row.
func (s *study) rowIDs() map[string]bool {
	all := map[string]bool{}
	for _, g := range []grid{s.Probes, s.Apps} {
		for _, f := range g.Families {
			for _, r := range f.Rows {
				all[r.ID] = true
			}
		}
	}
	return all
}

// maxDeviations is how many differences from expectations are listed.
const maxDeviations = 200

// summarize fills in the top of the page.
func (v *view) summarize() {
	boots, bad, rig, unexpected := 0, 0, 0, 0
	var first, last time.Time
	var series, machines []string
	for _, k := range v.Kernels {
		for _, r := range k.Boots {
			boots++
			if r.Outcome.RigFault() || r.Outcome == "" {
				rig++
			} else if r.Outcome != "completed" {
				bad++
			}
			if first.IsZero() || r.Time.Before(first) {
				first = r.Time
			}
			if r.Time.After(last) {
				last = r.Time
			}
			series = add(series, word(r.Variant()))
			machines = add(machines, word(strings.Trim("QEMU "+r.Machine.QEMU+" "+r.Machine.Accel, " ")))
		}
	}
	rows := v.rowIDs()
	for i, d := range v.Deviations {
		v.Deviations[i].Linked = rows[d.Probe]
		if d.Nearest == "" {
			unexpected++
		}
	}
	v.Title = "netstrip: " + count(len(v.Kernels), "kernel")
	v.Facts = [][2]string{
		{"booted", first.UTC().Format("2006-01-02 15:04") + between(first, last)},
		{"Linux", strings.Join(series[:min(len(series), 8)], ", ")}, {"machine", strings.Join(machines[:min(len(machines), 3)], "; ")}, {"written by", v.Program},
	}
	v.tiles(boots, bad, rig, unexpected)
	if v.answers.cut {
		v.study.Notes = append(v.study.Notes, "The texts of the answers are too long for this page, so some are shortened; netstrip show has them.")
	}
	if n := len(v.Deviations) - maxDeviations; n > 0 {
		v.Deviations = v.Deviations[:maxDeviations]
		v.study.Notes = append(v.study.Notes, fmt.Sprintf("%d more differences are not listed; netstrip show has them.", n))
	}
}

func (v *view) tiles(boots, bad, rig, unexpected int) {
	class := func(n int, class string) string {
		if n == 0 {
			return "ok"
		}
		return class
	}
	differing := "differences from the expectations"
	if unexpected == 1 {
		differing = "difference from the expectations"
	}
	v.Tiles = []tile{
		{fmt.Sprint(unexpected), differing, class(unexpected, "bad")},
		{fmt.Sprint(len(v.Kernels)), plural(len(v.Kernels), "kernel"), "plain"},
		{fmt.Sprint(boots), plural(boots, "boot"), "plain"},
		{fmt.Sprint(bad), plural(bad, "boot") + " did not complete", class(bad, "bad")},
	}
	if rig > 0 {
		v.Tiles = append(v.Tiles, tile{fmt.Sprint(rig), plural(rig, "infrastructure failure") + ": no verdict on a kernel", "doubt"})
	}
	v.Tiles = append(v.Tiles, tile{fmt.Sprint(v.Probes.Rows), plural(v.Probes.Rows, "probe"), "plain"})
	if v.Apps.Rows > 0 {
		v.Tiles = append(v.Tiles, tile{fmt.Sprint(v.Apps.Rows), plural(v.Apps.Rows, "way") + " of using applications", "plain"})
	}
}

func add(list []string, one string) []string {
	if one == "" || slices.Contains(list, one) {
		return list
	}
	return append(list, one)
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

func count(n int, noun string) string { return fmt.Sprintf("%d %s", n, plural(n, noun)) }

// between returns the end of a period in words.
func between(first, last time.Time) string {
	a, b := first.UTC(), last.UTC()
	switch {
	case b.Sub(a) < time.Minute:
		return " UTC"
	case a.Format(time.DateOnly) == b.Format(time.DateOnly):
		return " to " + b.Format("15:04 UTC")
	}
	return " to " + b.Format("2006-01-02 15:04 UTC")
}

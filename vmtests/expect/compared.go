package expect

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// compared is a record with its comparison, as JSON shows it.
type compared struct {
	record.Record
	// Compared is nil if no set has an expectation of the profile.
	Compared *Comparison `json:"compared,omitempty"`
}

// JSON writes records as JSON, each with its comparison. cut are the same records with only the
// findings of a probe or family, unless that is empty.
func JSON(w io.Writer, records, cut []record.Record, probe string) error {
	all := []compared{}
	for i, r := range records {
		one := compared{Record: cut[i]}
		one.Hello = r.Hello
		c, err := Compare(r)
		if err != nil && !errors.Is(err, ErrNoExpectation) {
			return err
		}
		if err == nil {
			c.Differences = slices.DeleteFunc(c.Differences, func(d Deviation) bool { return !d.of(probe) })
			one.Compared = &c
		}
		all = append(all, one)
	}
	return table.JSON(w, all)
}

// of reports whether the deviation is of a probe or family; empty means all.
func (d Deviation) of(probe string) bool {
	return probe == "" || d.Probe == probe || strings.HasPrefix(d.Probe, strings.TrimSuffix(probe, "/")+"/")
}

// Show writes a record, or only a probe or family of it (report.Show), and how that differs from the
// expectation it is compared with. cut is the record with only those findings.
func Show(w io.Writer, r, cut record.Record, probe string) error {
	if err := report.Show(w, cut, probe); err != nil {
		return err
	}
	c, err := Compare(r)
	if errors.Is(err, ErrNoExpectation) || r.Outcome.RigFault() || r.Exec != nil { // nothing is expected of a user's program
		return nil
	}
	if err != nil {
		return err
	}
	devs := slices.DeleteFunc(InShort(r, c.Differences), func(d Deviation) bool { return !d.of(probe) })
	if probe != "" && len(devs) == 0 {
		return nil
	}
	said := "as on " + c.Set
	if c.Nearest {
		said += fmt.Sprintf(", the nearest to %s with expectations", report.Escape(r.Variant(), 30))
	}
	if probe == "" {
		fmt.Fprintln(w) // the findings are above
	}
	report.Field(w, "expected", said+": "+differ(len(devs)))
	for _, d := range devs {
		fmt.Fprintf(w, "             %s\n", report.Escape(d.String(), 300))
	}
	return nil
}

func differ(n int) string {
	switch n {
	case 0:
		return "all answers agree"
	case 1:
		return "1 answer differs"
	}
	return fmt.Sprintf("%d answers differ", n)
}

// most is the largest number of differences from the nearest expectations that a report lists.
const most = 20

// writeNearest writes how records differ from the nearest expectations: a line for each pair of
// sets, and below it one for each difference and the profiles that have it.
func writeNearest(b *strings.Builder, records []record.Record) {
	type pair struct{ own, near string }
	type difference struct {
		pair
		Deviation
	}
	var pairs []pair
	var differences []difference
	profiles, compared := map[difference][]string{}, map[pair][]string{}
	for _, r := range records {
		c, err := Compare(r)
		if err != nil {
			continue // Judge returns the error
		}
		p := pair{r.Variant(), c.Set}
		if compared[p] == nil {
			pairs = append(pairs, p)
		}
		compared[p] = append(compared[p], report.Escape(r.Profile, 60))
		for _, d := range InShort(r, c.Differences) {
			d := difference{p, d}
			if profiles[d] == nil {
				differences = append(differences, d)
			}
			profiles[d] = append(profiles[d], r.Profile)
		}
	}
	for _, p := range pairs {
		n, lines, names := 0, []string{}, compared[p]
		for _, d := range differences {
			if d.pair == p {
				n += len(profiles[d])
				lines = append(lines, fmt.Sprintf("  %s: %s\n", someOf(profiles[d]), report.Escape(d.String(), 300)))
			}
		}
		fmt.Fprintf(b, "No expectations for %s on %s; compared with %s: %s.\n", someOf(names), report.Escape(p.own, 30), p.near, differ(n))
		if len(lines) > most {
			lines = append(lines[:most], fmt.Sprintf("  and %d more\n", len(lines)-most))
		}
		b.WriteString(strings.Join(lines, ""))
	}
}

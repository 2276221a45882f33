// Package report turns saved records into text for people: a table of kernels and probes, a
// summary, everything about one boot. It runs on the host, starts nothing, and works from
// records alone. Text from a guest is escaped before it is shown.
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

// TableOptions says how a table is written.
type TableOptions struct {
	// Format is that of the table; text is at most 120 columns wide unless it has a Width.
	table.Format
	// All writes a line for every probe, as Markdown always does. Without it, where a record
	// can be compared with another, probes with the same answer on all records are only
	// counted, and the others share a line where their answers are the same.
	All bool
	// Usual is the kernel series that need not be named, such as 6.12; empty means every one.
	Usual string
}

// Name returns the name by which netstrip show finds a record as long as no newer one has it: that of
// its profile, with the series and the architecture if they are not the usual ones.
func (o TableOptions) Name(r record.Record) string {
	if o.usual(r) {
		return r.Profile
	}
	return r.Ref().String()
}

// usual reports whether a record is of the usual series and of x86_64.
func (o TableOptions) usual(r record.Record) bool {
	return o.Usual == "" || r.Variant() == "" || r.Variant() == o.Usual
}

// Table writes the records side by side, in the order given: how each boot ended,
// how long it took, how big the kernel was, how many probes work, and what they answered.
func Table(w io.Writer, records []record.Record, o TableOptions) error {
	if len(records) == 0 {
		_, err := fmt.Fprintln(w, "no boots are recorded")
		return err
	}
	o.Width = cmp.Or(o.Width, 120)
	return newGrid(records, o).Write(w, o.Format)
}

// grid is a table with a column for each record.
type grid struct {
	table.Table
	records []record.Record
	heads   []string
}

func newGrid(records []record.Record, o TableOptions) grid {
	g := grid{records: records, heads: labels(records)}
	g.Head = append([]string{""}, g.heads...)
	others := slices.ContainsFunc(records, func(r record.Record) bool { return r.Variant() != records[0].Variant() })
	if !o.usual(records[0]) && !others { // otherwise the heads name them
		g.add("Linux", func(r record.Record) table.Cell { return table.Cell{Text: text(r.Variant())} })
	}
	g.add("outcome", outcomeCell)
	g.add("user space", userSpaceCell)
	g.add("image", imageCell)
	refs := references(records)
	compared := g.totals(refs)
	for i, r := range records {
		if r.Outcome != record.Completed && r.Reason != "" {
			g.Notes = append(g.Notes, fmt.Sprintf("%s: %s", g.heads[i], text(r.Reason)))
		}
	}
	for _, f := range Families(records) {
		probes := grid{records: records, heads: g.heads}
		for _, id := range f.IDs {
			label := name(id)
			if rest, ok := strings.CutPrefix(id, f.Name+"/"); ok && !o.Markdown {
				label = "  " + name(rest)
			}
			probes.add(label, func(r record.Record) table.Cell { return probeCell(r, id) })
			probes.noteValues(id)
		}
		switch {
		case o.Markdown, f.IDs[0] == f.Name: // whole IDs need no heading
		case compared && !o.All:
			probes.Rows = fold(f.Name, probes.Rows, answeredAny(records))
		default:
			g.Add(name(f.Name) + "/")
		}
		g.Rows, g.Notes = append(g.Rows, probes.Rows...), append(g.Notes, probes.Notes...)
	}
	return g
}

// totals adds the rows with the numbers that the summary repeats, and reports whether any
// record is compared with another.
func (g *grid) totals(refs []int) bool {
	counts, effects := counted(g.records), effects(g.records, refs)
	number := func(label string, always bool, of func(i int) (n int, text string)) {
		r, any := table.Row{Cells: []table.Cell{{Text: label}}, Dim: true}, always
		for i := range g.records {
			n, text := of(i)
			any = any || n > 0
			r.Cells = append(r.Cells, table.Cell{Text: text})
			r.Dim = r.Dim && r.Cells[i+1] == r.Cells[1]
		}
		if any {
			g.Rows = append(g.Rows, r)
		}
	}
	asked := slices.ContainsFunc(counts, func(t tally) bool { return t.probes > 0 })
	number("notices", false, func(i int) (int, string) { return counts[i].notices, fmt.Sprint(counts[i].notices) })
	number("work", asked, func(i int) (int, string) { return 0, outOf(counts[i].works, counts[i].probes) })
	number("fail", asked, func(i int) (int, string) { return 0, orNone(counts[i].absent, counts[i].probes) })
	number("no clear answer", false, func(i int) (int, string) {
		return counts[i].unclear, orNone(counts[i].unclear, counts[i].probes)
	})
	against := ""
	if named := slices.Compact(slices.DeleteFunc(slices.Sorted(slices.Values(refs)), func(i int) bool { return i == none })); len(named) == 1 {
		against = " against " + g.heads[named[0]]
	}
	compared := slices.ContainsFunc(effects, func(e *effect) bool { return e != nil })
	number("lost"+against, compared, func(i int) (int, string) {
		if effects[i] == nil {
			return 0, noAnswer
		}
		return 0, outOf(effects[i].lost, effects[i].of)
	})
	number("gained"+against, false, func(i int) (int, string) {
		if effects[i] == nil {
			return 0, noAnswer
		}
		return effects[i].gained, fmt.Sprint(effects[i].gained)
	})
	return compared
}

// orNone returns n, or "-" if there is nothing to count.
func orNone(n, all int) string {
	if all == 0 {
		return noAnswer
	}
	return fmt.Sprint(n)
}

// outOf returns "n of all", or "-" if there is nothing to count.
func outOf(n, all int) string {
	if all == 0 {
		return noAnswer
	}
	return fmt.Sprintf("%d of %d", n, all)
}

// add adds a row with one cell per record.
func (g *grid) add(label string, of func(record.Record) table.Cell) {
	r := table.Row{Cells: []table.Cell{{Text: label}}, Dim: true}
	for i, rec := range g.records {
		r.Cells = append(r.Cells, of(rec))
		r.Dim = r.Dim && r.Cells[i+1] == r.Cells[1]
	}
	g.Rows = append(g.Rows, r)
}

// noteValues looks at the row just added: a probe may work on several records with
// different values. Cells whose value is not the first one get a star, and the values are
// written below the table.
func (g *grid) noteValues(id string) {
	var values []string
	holders := map[string][]string{}
	last := &g.Rows[len(g.Rows)-1]
	for i, r := range g.records {
		f, ok := Finding(r, id)
		if !ok || f.Verdict != wire.Works || f.Value == "" {
			continue
		}
		if holders[f.Value] == nil {
			values = append(values, f.Value)
		}
		holders[f.Value] = append(holders[f.Value], g.heads[i])
		if f.Value != values[0] {
			last.Cells[i+1].Text += "*"
			last.Dim = false
		}
	}
	if len(values) < 2 {
		return
	}
	var said []string
	for _, v := range values {
		said = append(said, fmt.Sprintf("%s (%s)", Escape(v, 60), strings.Join(holders[v], ", ")))
	}
	g.Notes = append(g.Notes, fmt.Sprintf("* %s: %s", name(id), strings.Join(said, "; ")))
}

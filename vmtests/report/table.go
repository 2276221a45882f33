// Package report turns saved records into text for people: a table of profiles and
// probes, a few sentences, everything about one boot. It runs on the host, starts
// nothing, and works from the records alone. What came from a guest is escaped
// before it is shown.
package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

// TableOptions says how a table is written.
type TableOptions struct {
	// Width is the number of columns there is room for; 0 means 120. A table that
	// needs more is written in several parts, one below the other.
	Width int
	// Colour marks what is unusual; for terminals.
	Colour bool
	// Markdown writes one Markdown table of any width, without colour, with every probe.
	Markdown bool
	// All writes a line for every probe. Without it, where records have another to be
	// compared with, probes that answer alike on all are counted, and the others share a line
	// where their answers are the same.
	All bool
}

// Table writes the records side by side, in the order given: how each boot ended,
// how long it took, how big the kernel was, how many probes work, and what they answered.
func Table(w io.Writer, records []record.Record, o TableOptions) error {
	if len(records) == 0 {
		_, err := fmt.Fprintln(w, "no boots are recorded")
		return err
	}
	g := newGrid(records, o.All || o.Markdown)
	var b strings.Builder
	if o.Markdown {
		g.markdown(&b)
	} else {
		g.text(&b, o)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// grid is a table before it is laid out; its strings are escaped.
type grid struct {
	heads []string
	rows  []row
	notes []string
}

// row is one line of a grid. A row without cells is the heading of a family, or says
// something about it.
type row struct {
	label string   // as shown under its family's heading
	full  string   // the probe's whole id; empty where the row is no probe
	names []string // the labels of all the probes that this row stands for, if it may be several
	cells []cell
	same  bool // all cells are alike
}

// cell is one field, and whether it is worth a look.
type cell struct {
	text string
	mark mark
}

// mark says what a cell's colour is to tell.
type mark int

const (
	plain mark = iota
	bad        // absent, or a boot that did not complete
	doubt      // inconclusive, or no answer
)

func newGrid(records []record.Record, all bool) grid {
	g := grid{heads: labels(records)}
	g.add("outcome", "", records, outcomeCell)
	g.add("user space", "", records, userSpaceCell)
	g.add("image", "", records, imageCell)
	refs := references(records)
	compared := g.totals(records, refs)
	for i, r := range records {
		if r.Outcome != record.Completed && r.Reason != "" {
			g.notes = append(g.notes, fmt.Sprintf("%s: %s", g.heads[i], text(r.Reason)))
		}
	}
	answered := answeredAny(records)
	for _, f := range Families(records) {
		start := len(g.rows)
		for _, id := range f.IDs {
			label := name(id)
			if rest, ok := strings.CutPrefix(id, f.Name+"/"); ok {
				label = "  " + name(rest)
			}
			g.add(label, name(id), records, func(r record.Record) cell { return probeCell(r, id) })
			g.noteValues(id, records)
		}
		switch rows := slices.Clone(g.rows[start:]); {
		case f.IDs[0] == f.Name: // a probe without a family
		case compared && !all:
			g.rows = append(g.rows[:start], fold(f.Name, rows, answered)...)
		default:
			g.rows = append(append(g.rows[:start], row{label: name(f.Name) + "/"}), rows...)
		}
	}
	return g
}

// totals adds the rows that count, which the summary repeats, and reports whether any
// record is compared with another.
func (g *grid) totals(records []record.Record, refs []int) bool {
	counts, effects := counted(records), effects(records, refs)
	number := func(label string, always bool, of func(i int) (n int, text string)) {
		r, any := row{label: label, same: true}, always
		for i := range records {
			n, text := of(i)
			any = any || n > 0
			r.cells = append(r.cells, cell{text: text})
			r.same = r.same && r.cells[i] == r.cells[0]
		}
		if any {
			g.rows = append(g.rows, r)
		}
	}
	asked := slices.ContainsFunc(counts, func(t tally) bool { return t.probes > 0 })
	number("notices", false, func(i int) (int, string) { return counts[i].notices, fmt.Sprint(counts[i].notices) })
	number("work", asked, func(i int) (int, string) { return 0, outOf(counts[i].works, counts[i].probes) })
	number("find nothing", asked, func(i int) (int, string) { return 0, orNone(counts[i].absent, counts[i].probes) })
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

// orNone is n, or nothing where there is none to count.
func orNone(n, all int) string {
	if all == 0 {
		return noAnswer
	}
	return fmt.Sprint(n)
}

// outOf is n of all, or nothing where there is none.
func outOf(n, all int) string {
	if all == 0 {
		return noAnswer
	}
	return fmt.Sprintf("%d of %d", n, all)
}

// add adds a row with one cell per record.
func (g *grid) add(label, full string, records []record.Record, of func(record.Record) cell) {
	r := row{label: label, full: full, same: true}
	for _, rec := range records {
		c := of(rec)
		r.cells = append(r.cells, c)
		r.same = r.same && c == r.cells[0]
	}
	g.rows = append(g.rows, r)
}

// noteValues looks at the row just added: where a probe works for several records
// but with different values, works does not say all. Cells that differ from the first
// get a star, and the values stand below the table.
func (g *grid) noteValues(id string, records []record.Record) {
	var values []string
	holders := map[string][]string{}
	last := &g.rows[len(g.rows)-1]
	for i, r := range records {
		f, ok := Finding(r, id)
		if !ok || f.Verdict != wire.Works || f.Value == "" {
			continue
		}
		if holders[f.Value] == nil {
			values = append(values, f.Value)
		}
		holders[f.Value] = append(holders[f.Value], g.heads[i])
		if f.Value != values[0] {
			last.cells[i].text += "*"
			last.same = false
		}
	}
	if len(values) < 2 {
		return
	}
	var said []string
	for _, v := range values {
		said = append(said, fmt.Sprintf("%s (%s)", Escape(v, 60), strings.Join(holders[v], ", ")))
	}
	g.notes = append(g.notes, fmt.Sprintf("* %s: %s", name(id), strings.Join(said, "; ")))
}

// markdown writes the grid as a table of GitHub's Markdown.
func (g *grid) markdown(b *strings.Builder) {
	b.WriteString("| |")
	for _, h := range g.heads {
		fmt.Fprintf(b, " %s |", Markdown(h))
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(g.heads)) + "\n")
	for _, r := range g.rows {
		if r.cells == nil {
			continue // whole ids stand in the rows
		}
		fmt.Fprintf(b, "| %s |", Markdown(cmp.Or(r.full, r.label)))
		for _, c := range r.cells {
			fmt.Fprintf(b, " %s |", Markdown(c.text))
		}
		b.WriteString("\n")
	}
	for _, n := range g.notes {
		fmt.Fprintf(b, "\n%s\n", Markdown(n))
	}
}

// Package report turns saved records into text for people: a table of profiles and
// probes, a few sentences, everything about one boot. It runs on the host, starts
// nothing, and works from the records alone. What came from a guest is escaped
// before it is shown.
package report

import (
	"cmp"
	"fmt"
	"io"
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
	// Markdown writes one Markdown table of any width, without colour.
	Markdown bool
}

// Table writes the records side by side, in the order given: how each boot ended,
// how long it took, how big the kernel was, and what every probe answered.
func Table(w io.Writer, records []record.Record, o TableOptions) error {
	if len(records) == 0 {
		_, err := fmt.Fprintln(w, "no boots are recorded")
		return err
	}
	g := newGrid(records)
	var b strings.Builder
	if o.Markdown {
		g.markdown(&b)
	} else {
		g.text(&b, cmp.Or(o.Width, 120), o.Colour)
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

// row is one line of a grid. A row without cells is the heading of a family.
type row struct {
	label string // as shown under its family's heading
	full  string // the probe's whole id; empty where the row is no probe
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

func newGrid(records []record.Record) grid {
	g := grid{heads: labels(records)}
	g.add("outcome", "", records, outcomeCell)
	g.add("user space", "", records, userSpaceCell)
	g.add("image", "", records, imageCell)
	for _, f := range Families(records) {
		if f.IDs[0] != f.Name {
			g.rows = append(g.rows, row{label: name(f.Name) + "/"})
		}
		for _, id := range f.IDs {
			label := name(id)
			if rest, ok := strings.CutPrefix(id, f.Name+"/"); ok {
				label = "  " + name(rest)
			}
			g.add(label, name(id), records, func(r record.Record) cell { return probeCell(r, id) })
			g.noteValues(id, records)
		}
	}
	return g
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

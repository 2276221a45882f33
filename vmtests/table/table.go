// Package table writes rows of cells as aligned text, as Markdown, or as the JSON of the values
// that they show. It runs on the host. Cells must be printable: callers escape text from a guest.
// This package escapes what Markdown would take for markup.
package table

import (
	"io"
	"strings"
)

// Format is how a table is written; the zero value is plain text of any width.
type Format struct {
	// JSON writes the table's Value and nothing else, Markdown a Markdown table.
	JSON, Markdown bool
	// Width is how many columns of a terminal the text may use; 0 means any number. A table
	// that needs more is written in several parts, one below the other.
	Width int
	// Colour marks cells with the colours of a terminal.
	Colour bool
}

// Table is rows of cells under headings.
type Table struct {
	// Title is written above the table.
	Title string
	// Head names the columns; if it is nil, text has no heading.
	Head []string
	Rows []Row
	// Right aligns all columns but the first to the right.
	Right bool
	// Notes are written below the table, each on a line of its own.
	Notes []string
	// Value is what JSON shows.
	Value any
}

// Row is one line of a table. A row with a single cell is a heading of the rows below it, and may
// be longer than a column.
type Row struct {
	Cells []Cell
	// Short replaces a first cell that is too long, which is then written below the row.
	Short string
	// Dim marks a row of little interest.
	Dim bool
}

// Cell is one field of a row.
type Cell struct {
	Text string
	Mark Mark
}

// Mark says why a cell is of interest.
type Mark int

// The marks.
const (
	Plain Mark = iota
	Bad
	Doubtful
)

// Add adds a row of plain cells.
func (t *Table) Add(cells ...string) {
	r := Row{}
	for _, c := range cells {
		r.Cells = append(r.Cells, Cell{Text: c})
	}
	t.Rows = append(t.Rows, r)
}

// Write writes the table in the format.
func (t Table) Write(w io.Writer, f Format) error {
	if f.JSON {
		return JSON(w, t.Value)
	}
	var b strings.Builder
	write, escape := t.text, func(s string) string { return s }
	if f.Markdown {
		write, escape, f.Width = t.markdown, Markdown, 0
	}
	if t.Title != "" {
		b.WriteString(escape(t.Title) + "\n\n")
	}
	if len(t.Rows) > 0 {
		write(&b, f)
	}
	for i, n := range t.Notes {
		if i == 0 && len(t.Rows) > 0 || i > 0 && f.Markdown {
			b.WriteString("\n")
		}
		b.WriteString(strings.Join(Wrap(escape(n), f.Width-2), "\n  ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t Table) markdown(b *strings.Builder, _ Format) {
	rule := "---|"
	if t.Right {
		rule = "---:|"
	}
	n := t.columns()
	row := func(cells []Cell) {
		for _, c := range cells {
			b.WriteString(strings.TrimRight("| "+Markdown(c.Text), " ") + " ")
		}
		b.WriteString(strings.Repeat("| ", n-len(cells)) + "|\n")
	}
	row(t.head().Cells)
	b.WriteString("|---|" + strings.Repeat(rule, n-1) + "\n")
	for _, r := range t.Rows {
		row(r.Cells)
	}
}

// head returns the headings as a row.
func (t Table) head() Row {
	h := Table{}
	h.Add(t.Head...)
	return h.Rows[0]
}

// columns returns how many columns the table has.
func (t Table) columns() int {
	n := len(t.Head)
	for _, r := range t.Rows {
		n = max(n, len(r.Cells))
	}
	return n
}

// Markdown escapes printable text so that Markdown shows it as it is.
func Markdown(s string) string {
	return strings.NewReplacer(
		`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`,
		"<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "&", "&amp;",
	).Replace(s)
}

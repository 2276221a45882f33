package table

import (
	"cmp"
	"math"
	"strings"
	"unicode/utf8"
)

// The colours of a terminal, as ECMA-48 sequences.
const (
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	off    = "\x1b[0m"
)

// maxLabel bounds how far a first cell that can be shortened pushes the others to the right.
const maxLabel = 44

// text writes as few parts as the width allows, with a narrow gap if that saves any.
func (t Table) text(b *strings.Builder, f Format) {
	l := t.layout(f, 2)
	if tight := t.layout(f, 1); len(tight.parts) < len(l.parts) || tight.below < l.below {
		l = tight
	}
	for i, part := range l.parts {
		if i > 0 {
			b.WriteString("\n")
		}
		if t.Head != nil {
			l.row(b, t.head(), part, func(Cell) string { return bold })
		}
		for _, r := range t.Rows {
			l.row(b, r, part, r.colour)
		}
	}
}

// layout is the layout of a table as text.
type layout struct {
	Format
	right   bool
	columns []int  // their widths
	gap     int    // the blanks between two columns
	parts   []span // the columns side by side, apart from the first, which each part repeats
	below   int    // how many rows have their first cell below them
}

func (t Table) layout(f Format, gap int) layout {
	l := layout{Format: f, right: t.Right, gap: gap, columns: make([]int, t.columns())}
	l.Width = cmp.Or(f.Width, math.MaxInt)
	for i, h := range t.Head {
		l.columns[i] = columnsOf(h)
	}
	longest := 0 // of the first cells
	for _, r := range t.Rows {
		for i, c := range r.Cells {
			switch width := columnsOf(c.Text); {
			case i == 0 && len(r.Cells) > 1:
				l.columns[0] = max(l.columns[0], columnsOf(cmp.Or(r.Short, c.Text)))
				longest = max(longest, width)
			case i < len(r.Cells)-1 || len(r.Cells) == len(l.columns): // the last cell may run over empty ones
				l.columns[i] = max(l.columns[i], width)
			}
		}
	}
	l.parts = split(l.columns, gap, l.Width-l.columns[0])
	for _, s := range l.parts {
		used := gap * (s.end - s.first)
		for _, c := range l.columns[s.first:s.end] {
			used += c
		}
		longest = min(longest, l.Width-used, maxLabel)
	}
	l.columns[0] = max(l.columns[0], longest)
	for _, r := range t.Rows {
		if l.shortens(r) {
			l.below++
		}
	}
	return l
}

// shortens reports whether a row's first cell does not fit and can be replaced.
func (l layout) shortens(r Row) bool {
	return r.Short != "" && columnsOf(r.Cells[0].Text) > l.columns[0]
}

// span is the columns from first to before end.
type span struct{ first, end int }

// split cuts all columns but the first into the fewest spans that each fit into room, with even
// numbers of columns if those fit too.
func split(columns []int, gap, room int) []span {
	n := len(columns) - 1
	greedy := cut(columns, gap, room, n)
	even := (n + len(greedy) - 1) / len(greedy)
	if spans := cut(columns, gap, room, even); len(spans) == len(greedy) {
		return spans
	}
	return greedy
}

// cut cuts spans of at most room characters and most columns.
func cut(columns []int, gap, room, most int) []span {
	var spans []span
	s, used := span{1, 1}, 0
	for i := 1; i < len(columns); i++ {
		if i > s.first && (used+gap+columns[i] > room || i-s.first == most) {
			spans = append(spans, s)
			s, used = span{first: i}, 0
		}
		s.end = i + 1
		used += gap + columns[i]
	}
	return append(spans, s)
}

// row writes a row's cells of a span.
func (l layout) row(b *strings.Builder, r Row, s span, colour func(Cell) string) {
	paint := func(code, text string) string {
		if !l.Colour || code == "" {
			return text
		}
		return code + text + off
	}
	first, below := r.Cells[0].Text, []string(nil)
	if len(r.Cells) == 1 {
		for i, line := range Wrap(first, l.Width-2) {
			b.WriteString(strings.Repeat("  ", min(i, 1)) + paint(bold, line) + "\n")
		}
		return
	}
	if l.shortens(r) {
		first, below = r.Short, Wrap(first, l.Width-4)
	}
	var line strings.Builder
	line.WriteString(first + l.blanks(0, first))
	for i := s.first; i < min(s.end, len(r.Cells)); i++ {
		c := r.Cells[i]
		text := c.Text + l.blanks(i, c.Text)
		if l.right {
			text = l.blanks(i, c.Text) + c.Text
		}
		line.WriteString(strings.Repeat(" ", l.gap) + paint(colour(c), text))
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	for _, names := range below {
		b.WriteString("    " + names + "\n")
	}
}

// blanks returns the spaces that fill column i after text.
func (l layout) blanks(i int, text string) string {
	return strings.Repeat(" ", max(0, l.columns[i]-columnsOf(text)))
}

// colour returns the colour of a cell.
func (r Row) colour(c Cell) string {
	switch {
	case c.Mark == Bad:
		return red
	case c.Mark == Doubtful:
		return yellow
	case r.Dim:
		return dim
	}
	return ""
}

// columnsOf returns how many columns of a terminal printable text takes.
func columnsOf(s string) int { return utf8.RuneCountInString(s) }

// Wrap breaks text at spaces into lines of at most width columns; a longer word has a line of its
// own. If width is 0, the text is one line.
func Wrap(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case columnsOf(line)+1+columnsOf(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

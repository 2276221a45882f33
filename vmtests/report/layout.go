package report

import (
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

// text lays the grid out in parts of at most width columns (or one record, where
// that does not fit either), of about as many records each.
func (g *grid) text(b *strings.Builder, width int, colour bool) {
	l := g.layout(width, 2)
	if tight := g.layout(width, 1); len(tight.parts) < len(l.parts) {
		l = tight
	}
	for i, part := range l.parts {
		if i > 0 {
			b.WriteString("\n")
		}
		g.part(b, l, part, colour)
	}
	for i, n := range g.notes {
		if i == 0 {
			b.WriteString("\n")
		}
		b.WriteString(n + "\n")
	}
}

// layout is how a grid is written: the width of the labels, that of each column,
// the space before each, and the columns that stand side by side.
type layout struct {
	label   int
	columns []int
	gap     int
	parts   []span
}

func (g *grid) layout(width, gap int) layout {
	l := layout{gap: gap, columns: make([]int, len(g.heads))}
	for i, h := range g.heads {
		l.columns[i] = utf8.RuneCountInString(h)
	}
	for _, r := range g.rows {
		l.label = max(l.label, utf8.RuneCountInString(r.label))
		for i, c := range r.cells {
			l.columns[i] = max(l.columns[i], utf8.RuneCountInString(c.text))
		}
	}
	l.parts = split(l.columns, gap, width-l.label)
	return l
}

// span is the columns from first up to but not including end.
type span struct{ first, end int }

// split cuts columns into the fewest spans that fit room each, and evens out their
// numbers of columns where that still fits.
func split(columns []int, gap, room int) []span {
	greedy := cut(columns, gap, room, len(columns))
	even := (len(columns) + len(greedy) - 1) / len(greedy)
	if spans := cut(columns, gap, room, even); len(spans) == len(greedy) {
		return spans
	}
	return greedy
}

// cut makes spans of at most room characters and at most most columns.
func cut(columns []int, gap, room, most int) []span {
	var spans []span
	s, used := span{}, 0
	for i, c := range columns {
		if i > s.first && (used+gap+c > room || i-s.first == most) {
			spans = append(spans, s)
			s, used = span{first: i}, 0
		}
		s.end = i + 1
		used += gap + c
	}
	return append(spans, s)
}

// part writes the columns of one span, with the labels and headings.
func (g *grid) part(b *strings.Builder, l layout, s span, colour bool) {
	space := strings.Repeat(" ", l.gap)
	paint := func(code, text string) string {
		if !colour || code == "" {
			return text
		}
		return code + text + off
	}
	var line strings.Builder
	line.WriteString(strings.Repeat(" ", l.label))
	for i := s.first; i < s.end; i++ {
		line.WriteString(space + paint(bold, pad(g.heads[i], l.columns[i])))
	}
	writeLine(b, &line)
	for _, r := range g.rows {
		line.Reset()
		if r.cells == nil {
			line.WriteString(paint(bold, r.label))
			writeLine(b, &line)
			continue
		}
		line.WriteString(pad(r.label, l.label))
		for i := s.first; i < s.end; i++ {
			c := r.cells[i]
			line.WriteString(space + paint(code(c.mark, r.same), pad(c.text, l.columns[i])))
		}
		writeLine(b, &line)
	}
}

// code gives the colour of a cell. A row in which all records agree is dim, so that
// the eye finds the others; nothing is left out.
func code(m mark, same bool) string {
	switch {
	case m == bad:
		return red
	case m == doubt:
		return yellow
	case same:
		return dim
	}
	return ""
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// writeLine ends a line, without the blanks that padding left at its end.
func writeLine(b, line *strings.Builder) {
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

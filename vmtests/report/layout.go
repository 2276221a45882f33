package report

import (
	"cmp"
	"fmt"
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
func (g *grid) text(b *strings.Builder, o TableOptions) {
	width := cmp.Or(o.Width, 120)
	l := g.layout(width, 2)
	if tight := g.layout(width, 1); len(tight.parts) < len(l.parts) || tight.below < l.below {
		l = tight
	}
	for i, part := range l.parts {
		if i > 0 {
			b.WriteString("\n")
		}
		g.part(b, l, part, o.Colour)
	}
	for _, n := range g.notes {
		for j, line := range wrap(n, o.Width-2) {
			if j > 0 {
				b.WriteString("  ")
			}
			b.WriteString(line + "\n")
		}
	}
}

// maxLabel is how far names may push the answers to the right.
const maxLabel = 44

// layout is how a grid is written: the width of all and of the labels, that of each column,
// the space before each, the columns that stand side by side, and how many rows have
// their names below them.
type layout struct {
	width   int
	label   int
	columns []int
	gap     int
	parts   []span
	below   int
}

func (g *grid) layout(width, gap int) layout {
	l := layout{width: width, gap: gap, columns: make([]int, len(g.heads))}
	for i, h := range g.heads {
		l.columns[i] = runes(h)
	}
	whole := 0 // how long the longest label is that has all its names, or the longest that fits
	for _, r := range g.rows {
		if r.cells == nil {
			continue
		}
		l.label = max(l.label, runes(r.short()))
		whole = max(whole, runes(r.long()))
		for i, c := range r.cells {
			l.columns[i] = max(l.columns[i], runes(c.text))
		}
	}
	l.parts = split(l.columns, gap, width-l.label)
	for _, s := range l.parts {
		used := gap * (s.end - s.first)
		for _, c := range l.columns[s.first:s.end] {
			used += c
		}
		whole = min(whole, width-used, maxLabel)
	}
	l.label = max(l.label, whole)
	for _, r := range g.rows {
		if r.cells != nil && runes(r.long()) > l.label {
			l.below++
		}
	}
	return l
}

// long is a row's label with the names of all its probes.
func (r row) long() string {
	if len(r.names) == 0 {
		return r.label
	}
	return "  " + strings.Join(r.names, ", ")
}

// short is the label where there is no room for that; the names then stand below.
func (r row) short() string {
	if len(r.names) < 2 {
		return r.long()
	}
	return fmt.Sprintf("  %d probes", len(r.names))
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
			for i, text := range wrap(r.label, l.width-2) {
				b.WriteString(strings.Repeat("  ", min(i, 1)) + paint(bold, text) + "\n")
			}
			continue
		}
		label, below := r.long(), []string(nil)
		if runes(label) > l.label {
			label, below = r.short(), listed(r.names, l.width-4)
		}
		line.WriteString(pad(label, l.label))
		for i := s.first; i < s.end; i++ {
			c := r.cells[i]
			line.WriteString(space + paint(code(c.mark, r.same), pad(c.text, l.columns[i])))
		}
		writeLine(b, &line)
		for _, names := range below {
			b.WriteString("    " + names + "\n")
		}
	}
}

// code returns the colour of a cell. A row in which all records agree is dim, so that
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
	return s + strings.Repeat(" ", max(0, width-runes(s)))
}

// runes is how many columns text takes that has been through Escape.
func runes(s string) int { return utf8.RuneCountInString(s) }

// writeLine ends a line, without the blanks that padding left at its end.
func writeLine(b, line *strings.Builder) {
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

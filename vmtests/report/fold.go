package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/vmtests/record"
)

// fold keeps of a family's rows those that differ between the kernels that answered, one
// line for all that have the same answers, and counts the others behind the family's name. A
// row with an answer that is not clear is always kept.
func fold(family string, rows []row, answered []bool) []row {
	var kept []row
	works, absent := 0, 0
	for _, r := range rows {
		switch first := alike(r, answered); {
		case first == nil:
			kept = merge(kept, r)
		case first.mark == bad:
			absent++
		default:
			works++
		}
	}
	head := name(family) + "/"
	switch n := works + absent; {
	case n > 0:
		all := "all"
		if slices.Contains(answered, false) {
			all = "all that answered"
		}
		head += fmt.Sprintf(" %d of %d %s alike on %s: %s", n, len(rows), plural("answer", n), all, verdicts(works, absent))
	case len(kept) == 1 && len(kept[0].names) > 1:
		// The whole family is of one mind: its name says it all.
		kept[0].label, kept[0].names = fmt.Sprintf("%s all %d", head, len(rows)), nil
		return kept
	}
	return append([]row{{label: head}}, kept...)
}

// verdicts says how many of those that answer alike work.
func verdicts(works, absent int) string {
	var said []string
	if works > 0 {
		said = append(said, fmt.Sprintf("%d %s", works, plural("work", works)))
	}
	if absent > 0 {
		said = append(said, fmt.Sprintf("%d %s nothing", absent, plural("find", absent)))
	}
	return strings.Join(said, ", ")
}

// alike returns the cell that all records that answered have, or nil if they differ, or if
// that is no clear answer.
func alike(r row, answered []bool) *cell {
	var first *cell
	for i := range r.cells {
		c := &r.cells[i]
		if !answered[i] {
			continue
		}
		if first != nil && *c != *first || c.mark == doubt || c.text == noAnswer {
			return nil
		}
		if first == nil {
			first = c
		}
	}
	return first
}

// merge adds a row to those with the same cells, or as one more.
func merge(rows []row, r row) []row {
	label := strings.TrimSpace(r.label)
	for i := range rows {
		if slices.Equal(rows[i].cells, r.cells) {
			rows[i].names = append(rows[i].names, label)
			return rows
		}
	}
	r.names = []string{label}
	return append(rows, r)
}

// answeredAny returns which records hold the answer of any probe. The others would make
// each probe look as if it had answered differently.
func answeredAny(records []record.Record) []bool {
	did := make([]bool, len(records))
	for i, r := range records {
		did[i] = len(r.Findings) > 0
	}
	return did
}

// listed breaks a list of names into lines of at most width columns.
func listed(names []string, width int) []string {
	return wrap(strings.Join(names, ", "), width)
}

// wrap breaks text at blanks into lines of at most width columns; a word that is longer
// stands alone. Without a width all is one line.
func wrap(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case runes(line)+1+runes(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

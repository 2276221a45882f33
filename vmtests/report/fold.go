package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
)

// fold merges the rows of a family that have the same answers. Rows on which all kernels that
// answered agree are only counted, next to the family's name, unless the answer is unclear.
func fold(family string, rows []table.Row, answered []bool) []table.Row {
	var kept []table.Row
	var names [][]string // of the probes that each row stands for
	works, absent := 0, 0
	for _, r := range rows {
		first, clear := alike(r, answered)
		switch {
		case clear && first.Mark == table.Bad:
			absent++
			continue
		case clear:
			works++
			continue
		}
		i := slices.IndexFunc(kept, func(k table.Row) bool { return slices.Equal(k.Cells[1:], r.Cells[1:]) })
		if i < 0 {
			i, kept, names = len(kept), append(kept, r), append(names, nil)
		}
		names[i] = append(names[i], strings.TrimSpace(r.Cells[0].Text))
	}
	for i, n := range names {
		kept[i].Cells[0].Text = "  " + strings.Join(n, ", ")
		if len(n) > 1 {
			kept[i].Short = fmt.Sprintf("  %d probes", len(n))
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
	case len(kept) == 1 && kept[0].Short != "": // the family's name stands for all its probes
		kept[0].Cells[0].Text, kept[0].Short = fmt.Sprintf("%s all %d", head, len(rows)), ""
		return kept
	}
	return append([]table.Row{{Cells: []table.Cell{{Text: head}}}}, kept...)
}

// verdicts counts the probes that answer alike.
func verdicts(works, absent int) string {
	var said []string
	if works > 0 {
		said = append(said, fmt.Sprintf("%d %s", works, plural("work", works)))
	}
	if absent > 0 {
		said = append(said, fmt.Sprintf("%d %s", absent, plural("fail", absent)))
	}
	return strings.Join(said, ", ")
}

// alike returns the cell of all records that answered, and whether they agree on a clear
// answer.
func alike(r table.Row, answered []bool) (first table.Cell, ok bool) {
	for i, c := range r.Cells[1:] {
		if !answered[i] {
			continue
		}
		if ok && c != first || c.Mark == table.Doubtful || c.Text == noAnswer {
			return first, false
		}
		first, ok = c, true
	}
	return first, ok
}

// answeredAny returns which records have any answer. The others would make every probe look
// as if kernels differed.
func answeredAny(records []record.Record) []bool {
	did := make([]bool, len(records))
	for i, r := range records {
		did[i] = len(r.Findings) > 0
	}
	return did
}

package explanation

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/netstrip/netstrip/vmtests/table"
)

// The layout of a sheet: the usual width, the least width of a column, the number of items shown of
// a long list, the blanks between columns, and the label of why a kernel has no answers.
const (
	usualWidth = 100
	leastWidth = 22
	listed     = 12
	gap        = 2
	noAnswer   = "no answer"
)

// sheet is what several kernels answer about one thing. Differences come first, marked with an
// asterisk; what all kernels answer is written once, and so is what some do.
type sheet struct {
	title string
	heads []string // the names of the kernels
	// none is why a kernel has no answers; empty if it has.
	none []string
	rows []row
	foot string
}

// row is one property. Each kernel has any number of items, which are compared one by one.
type row struct {
	label string
	cells [][]string
	join  string // between items that all kernels have; empty means a comma
	brief bool   // omit what all kernels have
}

// group is kernels that answer alike throughout.
type group struct {
	head  string
	first int // one of them
	none  string
}

var lineNumber = regexp.MustCompile(`(\bK[\w./-]*):\d+`)

// key is the part of an item that is compared. Line numbers are not: they change in almost every
// release.
func key(item string) string {
	if !strings.Contains(item, ":") {
		return item // most are names of symbols, and there are 10,000 without NET
	}
	return lineNumber.ReplaceAllString(item, "$1")
}

func keys(items []string) []string {
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = key(item)
	}
	return all
}

// groups puts together the kernels that answer alike.
func (s sheet) groups() (all []group) {
	same := func(i, j int) bool {
		return s.none[i] == s.none[j] && !slices.ContainsFunc(s.rows, func(r row) bool {
			return !slices.Equal(keys(r.cells[i]), keys(r.cells[j]))
		})
	}
	for i, head := range s.heads {
		at := slices.IndexFunc(all, func(g group) bool { return same(g.first, i) })
		if at < 0 {
			all = append(all, group{head, i, s.none[i]})
		} else {
			all[at].head += ", " + head
		}
	}
	return all
}

// split returns what every kernel that answers has, and the other items of each group.
func (r row) split(all []group, none []string) (common []string, others [][]string) {
	answers, alike, exact := 0, map[string]int{}, map[string]int{} // in how many kernels: by key, and by item
	for i, cell := range r.cells {
		if none[i] == "" {
			answers++
			count(alike, keys(cell))
			count(exact, cell)
		}
	}
	others = make([][]string, len(all))
	listed := map[string]bool{}
	for n, g := range all {
		for _, item := range r.cells[g.first] {
			k := key(item)
			switch {
			case alike[k] < answers:
				others[n] = append(others[n], item)
			case listed[k]:
			case exact[item] == answers:
				common, listed[k] = append(common, item), true
			default:
				common, listed[k] = append(common, k), true
			}
		}
	}
	return common, others
}

// count adds 1 to the number of each item, which may be listed more than once.
func count(numbers map[string]int, items []string) {
	seen := map[string]bool{}
	for _, item := range items {
		if !seen[item] {
			seen[item] = true
			numbers[item]++
		}
	}
}

// differing returns the labels of the rows in which kernels differ.
func (s sheet) differing() []string {
	all, labels := s.groups(), []string{}
	for _, r := range s.rows {
		if _, others := r.split(all, s.none); slices.ContainsFunc(others, func(o []string) bool { return len(o) > 0 }) {
			labels = append(labels, r.label)
		}
	}
	return labels
}

// write writes the sheet as text of at most width columns; 0 means the usual width.
func (s sheet) write(b *strings.Builder, width int) {
	p := &paper{b: b, width: cmp.Or(width, usualWidth), all: s.groups(), label: 12}
	for _, r := range s.rows {
		p.label = max(p.label, utf8.RuneCountInString(r.label))
	}
	p.label = min(p.label, 32)
	p.column = (p.width-p.label-3)/len(p.all) - gap
	title := s.title
	if len(p.all) == 1 && p.all[0].none == "" {
		title += " (the same on " + p.all[0].head + ")"
	}
	p.full("", "", title)
	heads, reasons := row{cells: make([][]string, len(s.heads))}, make([][]string, len(p.all))
	for n, g := range p.all {
		heads.cells[g.first] = []string{g.head}
		if g.none != "" {
			reasons[n] = []string{g.none}
		}
	}
	if len(p.all) > 1 && p.column >= leastWidth {
		p.across("", "", heads.pick(p.all))
	}
	if slices.ContainsFunc(s.none, func(why string) bool { return why != "" }) {
		p.differ(noAnswer, reasons)
	}
	for _, r := range s.rows {
		if _, others := r.split(p.all, s.none); slices.ContainsFunc(others, func(o []string) bool { return len(o) > 0 }) {
			p.differ(r.label, others)
		}
	}
	for _, r := range s.rows {
		if common, _ := r.split(p.all, s.none); len(common) > 0 && !r.brief {
			p.full("  ", r.label, strings.Join(fold(common), cmp.Or(r.join, ", ")))
		}
	}
	b.WriteString(s.foot)
}

// pick returns the cells of the groups.
func (r row) pick(all []group) (cells [][]string) {
	for _, g := range all {
		cells = append(cells, r.cells[g.first])
	}
	return cells
}

// paper collects the text of a sheet.
type paper struct {
	b                    *strings.Builder
	width, label, column int
	all                  []group
}

// differ writes a row in which groups differ: next to each other if the words fit, or else below
// each other.
func (p *paper) differ(label string, others [][]string) {
	said := slices.Clone(others)
	fits := p.column >= leastWidth
	for n, g := range p.all {
		said[n] = fold(others[n])
		if len(others[n]) == 0 && g.none == "" && label != noAnswer {
			said[n] = []string{"-"}
		}
		for i := range n {
			if g.none == "" && p.all[i].none == "" && len(others[n]) > 0 && slices.Equal(keys(others[i]), keys(others[n])) {
				said[n] = []string{"as on " + p.all[i].head}
				break
			}
		}
		for word := range strings.FieldsSeq(strings.Join(said[n], " ")) {
			fits = fits && utf8.RuneCountInString(word) <= p.column
		}
	}
	if fits {
		p.across("* ", label, said)
		return
	}
	p.full("* ", label, "")
	for n, g := range p.all {
		for i, item := range said[n] {
			if i == 0 {
				item = g.head + ": " + item
			}
			for j, line := range table.Wrap(item, p.width-8) {
				p.b.WriteString(strings.Repeat(" ", 4+2*min(i+j, 1)) + line + "\n")
			}
		}
	}
}

// across writes cells next to each other, each item on lines of its own.
func (p *paper) across(mark, label string, cells [][]string) {
	var columns [][]string
	most := 0
	for _, items := range cells {
		var lines []string
		for _, item := range items {
			for i, line := range table.Wrap(item, p.column-2) {
				lines = append(lines, strings.Repeat(" ", 2*min(i, 1))+line)
			}
		}
		columns = append(columns, lines)
		most = max(most, len(lines))
	}
	for i := range most {
		line := strings.Repeat(" ", p.label+3)
		if i == 0 {
			line = fmt.Sprintf("%-2s%-*s ", mark, p.label, label)
		}
		for n, lines := range columns {
			cell := ""
			if i < len(lines) {
				cell = lines[i]
			}
			line += fmt.Sprintf("%-*s", p.column, cell)
			if n < len(columns)-1 {
				line += strings.Repeat(" ", gap)
			}
		}
		p.b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// full writes text over the whole width.
func (p *paper) full(mark, label, text string) {
	begin := mark
	if label != "" {
		begin = fmt.Sprintf("%s%-*s ", mark, p.label, label)
	}
	for i, line := range table.Wrap(text, p.width-utf8.RuneCountInString(begin)) {
		if i > 0 {
			begin = strings.Repeat(" ", len(begin))
		}
		p.b.WriteString(strings.TrimRight(begin+line, " ") + "\n")
	}
}

// fold shortens a long list.
func fold(items []string) []string {
	if len(items) <= listed+1 {
		return items
	}
	return append(slices.Clone(items[:listed]), fmt.Sprintf("and %d more; --json has all", len(items)-listed))
}

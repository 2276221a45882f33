package compare

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/netstrip/netstrip/vmtests/report"
)

// page is text, or Markdown, in the making.
type page struct {
	text     strings.Builder
	markdown bool
}

// line writes a paragraph of one line.
func (p *page) line(format string, args ...any) {
	p.text.WriteString("\n" + p.plain(fmt.Sprintf(format, args...)) + "\n")
}

// item writes one of several sentences.
func (p *page) item(s string) {
	if p.markdown {
		p.text.WriteString("- ")
	}
	p.text.WriteString(p.plain(s) + "\n")
}

func (p *page) plain(s string) string {
	s = report.Escape(s, 2000)
	if p.markdown {
		s = report.Markdown(s)
	}
	return s
}

// align is on which side of its column a cell stands; those of the first stand left.
type align string

const (
	left  align = "---|"
	right align = "---:|"
)

// table writes rows, the first of which are headings, in columns.
func (p *page) table(rows [][]string, to align) {
	if p.markdown {
		for i, row := range rows {
			for _, cell := range row {
				p.text.WriteString("| " + report.Markdown(cell) + " ")
			}
			p.text.WriteString("|\n")
			if i == 0 {
				p.text.WriteString("|---|" + strings.Repeat(string(to), len(row)-1) + "\n")
			}
		}
		return
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			switch {
			case i == 0:
				line.WriteString(cell + space)
			case to == left:
				line.WriteString("  " + cell + space)
			default:
				line.WriteString("  " + space + cell)
			}
		}
		p.text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

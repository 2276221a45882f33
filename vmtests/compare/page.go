package compare

import (
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// page collects text or Markdown.
type page struct {
	text     strings.Builder
	markdown bool
}

// line writes a paragraph of one line.
func (p *page) line(format string, args ...any) {
	p.text.WriteString("\n" + p.plain(fmt.Sprintf(format, args...)) + "\n")
}

// item writes one sentence of a list.
func (p *page) item(s string) {
	if p.markdown {
		p.text.WriteString("- ")
	}
	p.text.WriteString(p.plain(s) + "\n")
}

func (p *page) plain(s string) string {
	s = report.Escape(s, 2000)
	if p.markdown {
		s = table.Markdown(s)
	}
	return s
}

// table writes a table below a line.
func (p *page) table(t table.Table) {
	p.text.WriteString("\n")
	_ = t.Write(&p.text, table.Format{Markdown: p.markdown}) // a Builder takes everything
}

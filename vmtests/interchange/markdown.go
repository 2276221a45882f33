package interchange

import (
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// summaryBytes is the size that a summary may have: GitHub drops one of more than 1 MiB as a whole.
const summaryBytes = 900_000

// Markdown returns the records as Markdown of at most limit bytes, for the summary of a step of GitHub
// Actions and other places that show Markdown: what differs from the expectations, then a table of
// every probe, folded. It says what it had to leave out.
func Markdown(records []record.Record, limit int) ([]byte, error) {
	return from(records, func(kernels []judged) ([]byte, error) { return writeMarkdown(kernels, limit) })
}

func writeSummary(kernels []judged) ([]byte, error) { return writeMarkdown(kernels, summaryBytes) }

func writeMarkdown(kernels []judged, limit int) ([]byte, error) {
	var records []record.Record
	for _, k := range kernels {
		records = append(records, k.record)
	}
	p := page{room: limit - 1000} // for what closes the page, and says what was left out
	p.line("## netstrip: " + title(kernels))
	var said strings.Builder
	if err := report.Summary(&said, records, report.TableOptions{Format: table.Format{Markdown: true}}); err != nil {
		return nil, fmt.Errorf("writing the summary: %w", err)
	}
	p.differences(kernels, limit/2)
	p.line("")
	p.lines(said.String(), limit*5/8, "sentences")
	if len(records) > 0 {
		var all strings.Builder
		if err := report.Table(&all, records, report.TableOptions{Format: table.Format{Markdown: true}}); err != nil {
			return nil, fmt.Errorf("writing the table: %w", err)
		}
		p.line("\n<details><summary>Every probe on every kernel</summary>\n")
		p.lines(all.String(), limit, "lines of the table")
		p.text.WriteString("\n</details>\n")
	}
	for _, s := range p.left {
		p.text.WriteString("\n" + s + "\n")
	}
	return []byte(p.text.String()), nil
}

// title says in a line what came out.
func title(kernels []judged) string {
	failed, faults := 0, 0
	for _, k := range kernels {
		if k.failed {
			failed++
		}
		if k.tests[0].status == fault {
			faults++
		}
	}
	switch {
	case len(kernels) == 0:
		return "no boots are recorded"
	case failed > 0 && faults > 0:
		return fmt.Sprintf("%s not as expected, no result for %d", some(failed, len(kernels)), faults)
	case failed > 0:
		return some(failed, len(kernels)) + " not as expected"
	case faults > 0:
		return "no result for " + some(faults, len(kernels))
	}
	return some(len(kernels), len(kernels)) + " as expected"
}

// some returns how many of all kernels.
func some(n, all int) string {
	kernels := fmt.Sprintf("%d kernels", all)
	if all == 1 {
		kernels = "1 kernel"
	}
	if n == all {
		return kernels
	}
	return fmt.Sprintf("%d of %s", n, kernels)
}

// page is Markdown of a limited length.
type page struct {
	text strings.Builder
	room int      // how long it may become
	left []string // what was left out
}

// line adds a line, and reports whether there was room for it.
func (p *page) line(text string) bool {
	if p.text.Len()+len(text)+1 > p.room {
		return false
	}
	p.text.WriteString(text + "\n")
	return true
}

// lines adds the lines of a text as long as the page is shorter than limit. If some are left out, the
// page ends with their number, and with what they are.
func (p *page) lines(text string, limit int, what string) {
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range all {
		if p.text.Len()+len(line) > limit || !p.line(line) {
			p.left = append(p.left, fmt.Sprintf("Left out for length: the last %d of %d %s.", len(all)-i, len(all), what))
			return
		}
	}
}

// differences adds a table of what is not as expected, the boots without a result, and what differs
// from the nearest expectations.
func (p *page) differences(kernels []judged, limit int) {
	var rows, faults, near strings.Builder
	for _, k := range kernels {
		for _, t := range k.tests {
			words := table.Markdown(t.words)
			switch {
			case t.failed():
				fmt.Fprintf(&rows, "| %s | %s | %s |\n", table.Markdown(k.name), table.Markdown(t.name), words)
			case t.status == fault && t.name == bootName:
				fmt.Fprintf(&faults, "- %s: %s\n", table.Markdown(k.name), table.Markdown(strings.TrimSuffix(t.words+"; "+report.Escape(k.record.Reason, 300), "; ")))
			case t.unlike:
				fmt.Fprintf(&near, "- %s: %s: %s\n", table.Markdown(k.name), table.Markdown(t.name), words)
			}
		}
	}
	for _, part := range []struct{ text, head, what string }{
		{rows.String(), "\n### Not as expected\n\n| kernel | test | |\n|---|---|---|", "differences"},
		{faults.String(), "\n### Without a result\n", "boots without a result"},
		{near.String(), "\n### Unlike the nearest expectations, which is no failure\n", "such differences"},
	} {
		if part.text != "" && p.line(part.head) {
			p.lines(part.text, limit, part.what)
		}
	}
}

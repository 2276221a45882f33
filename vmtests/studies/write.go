package studies

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/netstrip/netstrip/vmtests/report"
)

// Write writes the comparison as a table, with the reasons below it. For machines
// report.JSON writes the Comparison itself.
func (c Comparison) Write(w io.Writer) error {
	rows, notes := c.table()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", c.Source)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, n := range notes {
		b.WriteString(n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown writes the same as Markdown.
func (c Comparison) Markdown(w io.Writer) error {
	rows, notes := c.table()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", report.Markdown(c.Source))
	for i, row := range rows {
		for j := range row {
			row[j] = report.Markdown(row[j])
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	for _, n := range notes {
		b.WriteString(report.Markdown(n))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// table returns the cells below their headings, escaped, and the numbered reasons, each of
// which stands once.
func (c Comparison) table() (rows [][]string, notes []string) {
	if len(c.Rows) == 0 {
		return nil, []string{"no application that it is about is recorded: netstrip apps records them\n"}
	}
	rows = [][]string{{"application", "kernel", "theirs", "it says", "here", "verdict"}}
	if c.Study == "lupine" {
		rows[0] = []string{"application", "works down to", "theirs", "it says", "here", "verdict", "any way down to"}
	}
	var whys []string
	for _, r := range c.Rows {
		verdict := string(r.Verdict)
		if r.Why != "" {
			if !slices.Contains(whys, r.Why) {
				whys = append(whys, r.Why)
				notes = append(notes, fmt.Sprintf("\n(%d) %s.\n", len(whys), report.Escape(r.Why, 400)))
			}
			verdict += fmt.Sprintf(" (%d)", slices.Index(whys, r.Why)+1)
		}
		row := []string{r.App + "/" + r.Way, cmp.Or(r.Profile, "none") + " " + r.Series, cmp.Or(r.Source, "-"), r.Said, r.Found, verdict}
		if c.Study == "lupine" {
			row = append(row, cmp.Or(r.Least, "none"))
		}
		for i := range row {
			row[i] = report.Escape(row[i], 200)
		}
		rows = append(rows, row)
	}
	return rows, notes
}

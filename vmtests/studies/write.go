package studies

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// Table returns the comparison as a table. The reasons are numbered notes below it, each once.
func (c Comparison) Table() table.Table {
	t := table.Table{Title: c.Source, Value: c}
	if len(c.Rows) == 0 {
		t.Notes = []string{"no application of this study is recorded; netstrip apps records them"}
		return t
	}
	t.Head = []string{"application", "kernel", "theirs", "it says", "here", "verdict"}
	if c.Study == "lupine" {
		t.Head = []string{"application", "works down to", "theirs", "it says", "here", "verdict", "any way down to"}
	}
	var whys []string
	for _, r := range c.Rows {
		verdict := string(r.Verdict)
		if r.Why != "" {
			if !slices.Contains(whys, r.Why) {
				whys = append(whys, r.Why)
				t.Notes = append(t.Notes, fmt.Sprintf("(%d) %s.", len(whys), report.Escape(r.Why, 400)))
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
		t.Add(row...)
	}
	return t
}

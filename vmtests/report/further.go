package report

import (
	"fmt"

	"github.com/netstrip/netstrip/vmtests/record"
)

// Further is what a table of records ends with: where they are, and how to see more of them.
type Further struct {
	// Results is the results file.
	Results string
	// Show is the command that shows a record, Where the flags that name the results file.
	Show, Where string
	// Latest is set if the records are the newest of their profiles, whose names then mean them.
	Latest bool
}

// Lines returns the lines below the table that o is for.
func (f Further) Lines(records []record.Record, o TableOptions) string {
	text := "results: " + f.Results
	if Compared(records) && !o.All {
		run := ""
		if !f.Latest {
			run = " " + Escape(records[0].Run, 100)
		}
		text += "; every probe: " + f.Show + run + " --all" + f.Where
	}
	if r, probe := Closer(records); probe != "" && f.Latest {
		text += fmt.Sprintf("\ncloser:  %s %s %s%s", f.Show, Escape(o.Name(r), 80), probe, f.Where)
	}
	return text
}

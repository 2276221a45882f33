package claims

import (
	"fmt"
	"io"
	"strings"

	"github.com/netstrip/netstrip/vmtests/report"
)

// Write writes the ledger, a line a claim.
func Write(w io.Writer, entries []Entry) error {
	var b strings.Builder
	for _, e := range entries {
		verdict := string(e.Verdict)
		if e.DependsOn != "" {
			verdict += " on " + report.Escape(e.DependsOn, 200)
		}
		if e.Verdict == Undecided {
			verdict += ": there is no " + strings.TrimPrefix(strings.TrimPrefix(report.Escape(e.Missing[0], 200), "an "), "a ")
		}
		fmt.Fprintf(&b, "%-4s %s\n     %s\n", e.ID, e.Text, verdict)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown writes the ledger as a Markdown table.
func Markdown(w io.Writer, entries []Entry) error {
	var b strings.Builder
	b.WriteString("| | claim | verdict |\n|---|---|---|\n")
	for _, e := range entries {
		verdict := "**" + string(e.Verdict) + "**"
		if e.DependsOn != "" {
			verdict += " on " + report.Markdown(report.Escape(e.DependsOn, 400))
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", e.ID, report.Markdown(e.Text), verdict)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Show writes the whole argument about one claim, and what repeats it.
func Show(w io.Writer, c Claim, e Entry) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", c.ID, c.Text)
	field := func(name, text string) { fmt.Fprintf(&b, "  %-10s %s\n", name, text) }
	field("said by", c.Who)
	field("verdict", string(e.Verdict))
	if e.DependsOn != "" {
		field("depends on", report.Escape(e.DependsOn, 400))
	}
	for _, m := range e.Missing {
		field("missing", report.Escape(m, 400))
	}
	field("because", c.Because)
	for _, v := range e.Evidence {
		field("evidence", fmt.Sprintf("%s: %s (%s, Linux %s)", v.Condition, report.Escape(v.Found, 200),
			report.Escape(v.Record, 200), report.Escape(v.Series, 20)))
	}
	field("repeat it", "netstrip run "+strings.Join(c.Profiles, " ")+" && netstrip claims "+c.ID)
	_, err := io.WriteString(w, b.String())
	return err
}

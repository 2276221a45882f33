package claims

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
)

// Write writes the ledger for people.
func Write(w io.Writer, entries []Entry) error {
	var b strings.Builder
	for _, e := range entries {
		verdict := string(e.Verdict)
		if e.DependsOn != "" {
			verdict += " on " + report.Escape(e.DependsOn, 200)
		}
		if e.Verdict == Undecided {
			verdict += ": missing " + report.Escape(e.Missing[0], 200)
		}
		fmt.Fprintf(&b, "%-4s %s\n     %s\n", e.ID, e.Text, verdict)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Table returns the ledger as a table.
func Table(entries []Entry) table.Table {
	t := table.Table{Head: []string{"", "claim", "verdict"}, Value: entries}
	for _, e := range entries {
		verdict := string(e.Verdict)
		if e.DependsOn != "" {
			verdict += " on " + report.Escape(e.DependsOn, 400)
		}
		t.Add(e.ID, e.Text, verdict)
	}
	return t
}

// Write writes the argument about one claim, and the commands that repeat it.
func (e Entry) Write(w io.Writer) error {
	var b strings.Builder
	c := e.claim
	fmt.Fprintf(&b, "%s: %s\n", c.ID, c.Text)
	report.Field(&b, "said by", c.Who)
	report.Field(&b, "verdict", string(e.Verdict))
	report.Field(&b, "depends on", report.Escape(e.DependsOn, 400))
	for _, m := range e.Missing {
		report.Field(&b, "missing", report.Escape(m, 400))
	}
	report.Field(&b, "because", c.Because)
	for _, v := range e.Evidence {
		report.Field(&b, "evidence", fmt.Sprintf("%s: %s (%s, Linux %s)", v.Condition, report.Escape(v.Found, 200),
			report.Escape(v.Record, 200), report.Escape(v.Series, 20)))
	}
	report.Field(&b, "repeat it", strings.Join(append(c.repeat(e), "netstrip claims "+c.ID), " && "))
	_, err := io.WriteString(w, b.String())
	return err
}

// flags returns the flags that select a series and architecture, such as 6.12-arm64.
func flags(variant string) (all string) {
	name := ref.Parse("x@" + variant)
	if name.Series != "" {
		all += " --series " + report.Escape(name.Series, 20)
	}
	if name.Arch != "" {
		all += " --arch " + report.Escape(name.Arch, 20)
	}
	return all
}

// repeat returns the commands that repeat the boots behind an entry, on each series and
// architecture.
func (c Claim) repeat(e Entry) []string {
	var series, all []string
	for _, v := range e.Evidence {
		if !slices.Contains(series, v.Series) {
			series = append(series, v.Series)
		}
	}
	if series == nil {
		series = []string{source.Usual()}
	}
	for _, s := range series {
		for _, run := range c.runs() {
			if s != source.Usual() {
				run += flags(s)
			}
			all = append(all, run)
		}
	}
	return all
}

// runs returns the commands that boot what a claim needs: the profiles, those with
// applications, those under other inits, and the measurements.
func (c Claim) runs() []string {
	profiles := map[string][]string{} // by init
	add := func(subject string) {
		name := ref.Parse(subject)
		profile, init := name.Profile(), name.Init
		if subject != "" && !slices.Contains(profiles[init], profile) {
			profiles[init] = append(profiles[init], profile)
		}
	}
	for _, p := range c.Profiles {
		add(p)
	}
	for _, r := range c.Rules {
		for _, cond := range r.Conditions {
			if ref.Parse(cond.profile).Init != "" {
				add(cond.profile)
			}
		}
	}
	var all, plain, apps []string
	for _, p := range profiles[""] {
		if name := ref.Parse(p); name.Apps {
			name.Apps = false
			apps = append(apps, name.String())
		} else {
			plain = append(plain, p)
		}
	}
	delete(profiles, "")
	if plain != nil {
		all = append(all, "netstrip run "+strings.Join(plain, " "))
	}
	if apps != nil {
		all = append(all, "netstrip apps --profile "+strings.Join(apps, ","))
	}
	into := map[string][]string{} // the inits, by their profiles
	for _, init := range slices.Sorted(maps.Keys(profiles)) {
		names := strings.Join(profiles[init], " ")
		into[names] = append(into[names], init)
	}
	for _, names := range slices.Sorted(maps.Keys(into)) {
		all = append(all, "netstrip run "+names+" --init "+strings.Join(into[names], ","))
	}
	if c.Measured != nil {
		all = append(all, "netstrip bench "+strings.Join(c.Measured, " "))
	}
	return all
}

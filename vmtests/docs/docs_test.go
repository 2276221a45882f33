// Package docs has the pages about what the kernels do, and the tests that write them (make docs).
// It runs on the host. Every answer on a page is an expectation, against which boots are checked,
// so the tests need no guest and cannot contradict the expectations.
package docs

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/claims"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/studies"
	"github.com/netstrip/netstrip/vmtests/table"
)

var update = flag.Bool("update", false, "write the pages")

var markdown = table.Format{Markdown: true}

// series is the set of expectations on all pages but one.
var series = source.Usual()

const kept = "../expect/testdata/"

// written begins each page.
const written = "<!-- Written by make docs; edit vmtests/docs/text_test.go. -->\n\n"

// page is the source of a page: its text, with %s for each of its tables.
type page struct {
	name, text string
	tables     func(t *testing.T) []any
}

func TestPages(t *testing.T) {
	for _, p := range []page{
		{"claims.md", claimsText, claimsTables},
		{"matrix.md", matrixText, matrixTables},
		{"series.md", seriesText, seriesTables},
		{"inits.md", initsText, initsTables},
		{"applications.md", applicationsText, applicationsTables},
		{"studies.md", studiesText, studiesTables},
		{"shards.md", shardsText, shardsTables},
		{"performance.md", performanceText, func(*testing.T) []any {
			return []any{comparedTable, kernelsTable, searchesTable, realSearchesTable, leastTable}
		}},
	} {
		t.Run(p.name, func(t *testing.T) {
			golden(t, p.name, written+fmt.Sprintf(p.text, p.tables(t)...))
		})
	}
}

// pages returns all pages of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "../../*.md", "../*.md", "../../kconfigs/*.md", "../../initramfs/apps/*.md", "../../.github/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		all = append(all, found...)
	}
	require.Greater(t, len(all), 9)
	return all
}

// The target of every relative link exists.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)[^):]*\)`)
	for _, p := range pages(t) {
		data, err := os.ReadFile(p)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(p), m[1]))
			assert.NoError(t, err, "a link in %s", p)
		}
	}
}

// GitHub renders a table only if a row with as many cells stands above its line of dashes.
func TestTablesHaveHeads(t *testing.T) {
	for _, p := range pages(t) {
		data, err := os.ReadFile(p)
		require.NoError(t, err)
		lines := strings.Split(string(data), "\n")
		for i, line := range lines {
			if strings.HasPrefix(line, "|---") {
				assert.Equal(t, strings.Count(line, "|"), strings.Count(lines[i-1], "|"), "%s:%d", p, i+1)
			}
		}
	}
}

// The numbers in the README match the expectations.
func TestREADME(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	text := strings.Join(strings.Fields(string(data)), " ")
	beliefs, err := claims.All()
	require.NoError(t, err)
	count := func(ruling claims.Ruling) (n int) {
		for _, c := range beliefs {
			if verdict(t, c.ID, series).Verdict == ruling {
				n++
			}
		}
		return n
	}
	all, err := apps.Load(t.Context(), "")
	require.NoError(t, err)
	full, less := expected(t, "full"), expected(t, "no-net")
	for _, want := range []string{
		fmt.Sprintf("[%d common beliefs]", len(beliefs)),
		fmt.Sprintf("%d are true, %d are false, and %d depend on", count(claims.True), count(claims.False), count(claims.Depends)),
		fmt.Sprintf("[%d applications]", len(all)),
		fmt.Sprintf("[%d inits]", len(initramfs.Inits())),
		fmt.Sprintf("%d of the %d probes that work on full", works(full)-works(less), works(full)),
		fmt.Sprintf("Of the %d probes that work on `full`, %d work on it", works(full), works(less)),
		fmt.Sprintf(" %d of %d ", works(full), len(full.Findings)),
	} {
		assert.Contains(t, text, want)
	}
}

// golden compares a file with its expected content, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(got), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err, "run: make docs")
	assert.Equal(t, string(want), got, "%s is out of date; run: make docs", name)
}

// expected returns the expected record of PROFILE or PROFILE/INIT on the usual series.
func expected(t *testing.T, profile string) record.Record {
	t.Helper()
	return expectedOn(t, series, profile)
}

// expectedOn returns the record that a set of expectations expects.
func expectedOn(t *testing.T, set, profile string) record.Record {
	t.Helper()
	findings, err := expect.Expected(set, profile)
	require.NoError(t, err)
	r := record.Record{Profile: profile, Outcome: record.Outcome(outcome(t, set, profile)), Findings: findings}
	r.Series, r.Arch, _ = strings.Cut(set, "-")
	if of, init, ok := strings.Cut(profile, "/"); ok {
		r.Init = init
		r.Findings = append(r.Findings, missing(expectedOn(t, set, of).Findings, findings)...)
	}
	return r
}

// outcome returns the outcome that a set of expectations expects of a profile.
func outcome(t *testing.T, set, profile string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(kept, set, profile+".txt"))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(data), "\noutcome ")
	require.True(t, ok, profile)
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// missing returns the findings in all whose probes are not in some.
func missing(all, some []wire.Finding) []wire.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f wire.Finding) bool {
		return slices.ContainsFunc(some, func(g wire.Finding) bool { return f.ID == g.ID })
	})
}

// records returns the expected records of the profiles.
func records(t *testing.T, profiles ...string) []record.Record {
	t.Helper()
	var all []record.Record
	for _, p := range profiles {
		all = append(all, expected(t, p))
	}
	return all
}

// ladder returns the names of the ladder's profiles, with a suffix.
func ladder(suffix string) []string {
	var names []string
	for _, p := range kconfigs.Ladder() {
		names = append(names, p.Name+suffix)
	}
	return names
}

// everything returns a record for every expectation of a set.
func everything(t *testing.T, set string) (all []record.Record) {
	t.Helper()
	for name := range expectations(t, set) {
		if path.Dir(name) != wire.PerfFamily {
			all = append(all, expectedOn(t, set, name))
		}
	}
	return all
}

// answers returns a Markdown table with a row for each probe whose family keep accepts and a
// column for each record. Values that differ from the first column's are listed below it.
func answers(records []record.Record, keep func(family string) bool) string {
	kept := slices.Clone(records)
	for i, r := range kept {
		kept[i].Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f wire.Finding) bool {
			family, _, _ := strings.Cut(f.ID, "/")
			return !keep(family)
		})
	}
	var b strings.Builder
	_ = report.Table(&b, kept, report.TableOptions{Format: markdown}) // a Builder takes everything
	rows := slices.DeleteFunc(strings.SplitAfter(b.String(), "\n"), func(row string) bool {
		label, _, ok := strings.Cut(strings.TrimPrefix(row, "| "), " |")
		// Drop the times and sizes, which are not expected, and the counts, which cover all probes.
		return ok && label != "" && label != "outcome" && !strings.HasPrefix(row, "|---") && !strings.Contains(label, "/") && strings.HasPrefix(row, "| ") && !strings.HasPrefix(row, "| | ")
	})
	return strings.Join(rows, "")
}

func only(family string) func(string) bool { return func(f string) bool { return f == family } }

// works counts the probes that work.
func works(r record.Record) int {
	n := 0
	for _, f := range r.Findings {
		if f.Verdict == wire.Works {
			n++
		}
	}
	return n
}

func claimsTables(t *testing.T) []any {
	all, err := claims.All()
	require.NoError(t, err)
	var ledger, arguments strings.Builder
	var entries []claims.Entry
	have := map[string][]record.Record{}
	for _, set := range sets(t) {
		have[set] = everything(t, set)
	}
	for _, c := range all {
		e := claims.Decide(c, have[series])
		want := verdict(t, c.ID, series)
		if e.Verdict == claims.Undecided { // it rests on measurements, which are not expected
			e.Verdict, e.DependsOn = want.Verdict, want.DependsOn
		}
		var on []string
		for _, set := range sets(t) {
			if other := claims.Decide(c, have[set]); other.Verdict != claims.Undecided {
				want := verdict(t, c.ID, set)
				assert.Equal(t, want.Verdict, other.Verdict, "%s on %s", c.ID, set)
				assert.Equal(t, want.DependsOn, other.DependsOn, "%s on %s", c.ID, set)
				on = append(on, decidedOn(set, other, e))
			}
		}
		entries = append(entries, e)
		fmt.Fprintf(&arguments, "## %s\n\n%s\n\n", c.ID, table.Markdown(c.Text))
		fmt.Fprintf(&arguments, "- **%s**", e.Verdict)
		if e.DependsOn != "" {
			fmt.Fprintf(&arguments, " on %s", table.Markdown(e.DependsOn))
		}
		fmt.Fprintf(&arguments, "\n- said by: %s\n- because: %s\n", table.Markdown(c.Who), table.Markdown(c.Because))
		if on != nil {
			fmt.Fprintf(&arguments, "- decided on: %s\n", strings.Join(on, ", "))
		}
		for _, v := range e.Evidence {
			fmt.Fprintf(&arguments, "- found: `%s` (%s)\n", v.Condition, table.Markdown(v.Found))
		}
		arguments.WriteString("\n")
	}
	require.NoError(t, claims.Table(entries).Write(&ledger, markdown))
	return []any{ledger.String(), strings.TrimRight(arguments.String(), "\n") + "\n"}
}

// decidedOn names a set on which a claim is decided, and the verdict if it is another.
func decidedOn(set string, e, usual claims.Entry) string {
	if e.Verdict == usual.Verdict && e.DependsOn == usual.DependsOn {
		return set
	}
	said := string(e.Verdict)
	if e.DependsOn != "" {
		said += " on " + table.Markdown(e.DependsOn)
	}
	return set + " (**" + said + "**)"
}

// verdict returns the expected verdict on a claim on a set.
func verdict(t *testing.T, id, set string) claims.Entry {
	t.Helper()
	data, err := os.ReadFile("../testdata/verdicts.txt")
	require.NoError(t, err)
	file := "\n" + string(data)
	_, rest, ok := strings.Cut(file, "\n"+id+"@"+set+" ")
	if !ok {
		_, rest, ok = strings.Cut(file, "\n"+id+" ")
	}
	require.True(t, ok, "no verdict on %s", id)
	line, _, _ := strings.Cut(rest, "\n")
	v, on, _ := strings.Cut(line, "; ")
	return claims.Entry{Verdict: claims.Ruling(v), DependsOn: on}
}

func matrixTables(t *testing.T) []any {
	rungs := records(t, ladder("")...)
	beside := records(t, "full", "lo-down", "tiny", "services", "services-no-inet", "services-no-net")
	var counts strings.Builder
	for _, r := range append(slices.Clone(rungs), beside[1:]...) {
		p, err := kconfigs.Lookup(r.Profile)
		require.NoError(t, err)
		fmt.Fprintf(&counts, "| `%s` | %d of %d | %s |\n", r.Profile, works(r), len(r.Findings), p.Hypothesis)
	}
	all := func(string) bool { return true }
	return []any{counts.String(), answers(rungs, all), answers(beside, all)}
}

func initsTables(t *testing.T) []any {
	keep := only("init")
	var systemd strings.Builder
	for _, p := range []string{"services", "services-no-inet", "services-no-net"} {
		r := expected(t, p+"/systemd")
		fmt.Fprintf(&systemd, "| `%s` | %s |\n", p, r.Outcome)
	}
	return []any{
		answers(records(t, "full/probe", "full/u-root", "full/busybox", "no-net/probe", "no-net/u-root", "no-net/busybox"), keep),
		systemd.String(),
		answers(records(t, "services/systemd", "services-no-inet/systemd"), keep),
	}
}

func applicationsTables(t *testing.T) []any {
	all, err := apps.Load(t.Context(), "")
	require.NoError(t, err)
	var list strings.Builder
	for _, a := range all {
		var ways []string
		for _, w := range a.Ways {
			ways = append(ways, path.Base(w.ID))
		}
		fmt.Fprintf(&list, "| [%s](../../initramfs/apps/%s.yaml) | %s | %s |\n", a.Name, a.Name,
			strings.Join(ways, ", "), strings.Join(append(slices.Clone(a.Packages), a.NPM...), ", "))
	}
	rows := records(t, append(ladder("+apps"), "lo-down+apps")...)
	var counts strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&counts, "| `%s` | %d of %d |\n", r.Profile, works(r), len(r.Findings))
	}
	return []any{counts.String(), answers(rows, only("app")), list.String()}
}

func studiesTables(t *testing.T) []any {
	rows := records(t, append(ladder("+apps"), "lo-down+apps")...)
	var all []any
	for _, study := range studies.Studies() {
		c, err := studies.Against(study, rows)
		require.NoError(t, err)
		count := map[studies.Agreement]int{}
		for _, r := range c.Rows {
			count[r.Verdict]++
		}
		var b strings.Builder
		require.NoError(t, c.Table().Write(&b, markdown))
		all = append(all, len(c.Rows), count[studies.Agree]+count[studies.Disagree], count[studies.Agree], b.String())
	}
	return all
}

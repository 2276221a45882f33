package report

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runs returns all test records: those of real boots in testdata/runs, and the corpus, which
// covers what is rare in real boots.
func runs(t testing.TB) map[string][]record.Record {
	t.Helper()
	all := corpus(t)
	maps.Copy(all, load(t, "testdata/runs/*.jsonl"))
	return all
}

// cuts returns all records, and subsets that lack references or other records.
func cuts(records []record.Record) [][]record.Record {
	all := [][]record.Record{records}
	for i := range records {
		all = append(all, records[i:i+1], records[:i], records[i+1:])
	}
	return all
}

func written(t *testing.T, records []record.Record, o TableOptions) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, Table(&b, records, o))
	return b.String()
}

var digits = regexp.MustCompile(`[0-9]+`)

func TestEveryNumberOfTheSummaryIsInTheTable(t *testing.T) {
	for name, records := range runs(t) {
		for _, some := range cuts(records) {
			for _, o := range []TableOptions{{}, {Format: table.Format{Width: 80}}, {Format: table.Format{Width: 40}}, {All: true}, {Format: table.Format{Markdown: true}}} {
				there := map[string]bool{}
				for _, n := range digits.FindAllString(written(t, some, o), -1) {
					there[n] = true
				}
				for _, s := range sentences(some) {
					for _, n := range digits.FindAllString(s, -1) {
						assert.True(t, there[n], "%s: %s is in no table of %+v: %s", name, n, o, s)
					}
				}
			}
		}
	}
}

// The numbers in sentences about losses agree with a count of the findings.
func TestLossesAreAsCounted(t *testing.T) {
	whole := regexp.MustCompile(`^(\d+) of the (\d+) probes that work on (\S+) fails? on (\S+?)[,.]?( |$)`)
	more := regexp.MustCompile(`(?:, | and )(\d+) on (\S+?)(?:[,.]| and |$)`)
	checked := 0
	for name, records := range runs(t) {
		heads := labels(records)
		of := map[string]map[string]wire.Verdict{}
		for i, r := range records {
			of[heads[i]] = map[string]wire.Verdict{}
			for _, id := range Probes(r) {
				f, _ := Finding(r, id)
				of[heads[i]][id] = f.Verdict
			}
		}
		lost := func(ref, head string) (lost, all int) {
			for id, v := range of[ref] {
				if v == wire.Works {
					all++
					if of[head][id] == wire.Absent {
						lost++
					}
				}
			}
			return lost, all
		}
		for _, s := range sentences(records) {
			m := whole.FindStringSubmatch(s)
			if m == nil {
				continue
			}
			n, all := lost(m[3], m[4])
			assert.Equal(t, strconv.Itoa(n)+" of "+strconv.Itoa(all), m[1]+" of "+m[2], "%s: %s", name, s)
			checked++
			for _, m2 := range more.FindAllStringSubmatch(s[len(m[0])-1:], -1) {
				n, _ := lost(m[3], m2[2])
				assert.Equal(t, strconv.Itoa(n), m2[1], "%s: %s", name, s)
				checked++
			}
		}
	}
	assert.Greater(t, checked, 10)
}

// The output of `make demo` fits a terminal of 80 columns and 50 lines, with the four lines
// that the command adds and a prompt.
func TestTheDemoFitsATerminal(t *testing.T) {
	records := runs(t)["demo"]
	o := TableOptions{Format: table.Format{Width: 80}}
	var b strings.Builder
	require.NoError(t, Table(&b, records, o))
	b.WriteString("\n")
	require.NoError(t, Summary(&b, records, o))
	assert.LessOrEqual(t, strings.Count(b.String(), "\n"), 50-4)
	assert.True(t, strings.HasSuffix(b.String(), `
All three kernels booted and finished the probes, without an oops or a panic.
64 of the 74 probes that work on full fail on no-net and 33 on no-inet.
54 other probes fail on full too.
`), b.String())
	for line := range strings.Lines(b.String()) {
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
}

// Each probe is either named in the folded table or counted with its family.
func TestFoldingLosesNoProbe(t *testing.T) {
	alike := regexp.MustCompile(`^(\w+)/ (\d+) of (\d+) answers? alike on all( that answered)?:|^(\w+)/ (all) (\d+) `)
	for name, records := range runs(t) {
		for _, some := range cuts(records) {
			if len(some) == 0 || !Compared(some) {
				continue
			}
			g := newGrid(some, TableOptions{})
			shown := map[string]int{} // by family
			family := ""
			for _, r := range g.Rows {
				m := alike.FindStringSubmatch(r.Cells[0].Text + " ")
				switch {
				case m != nil && m[6] == "all":
					n, _ := strconv.Atoi(m[7])
					shown[m[5]] += n
				case m != nil:
					family = m[1]
					n, _ := strconv.Atoi(m[2])
					shown[family] += n
				case len(r.Cells) == 1:
					family = strings.TrimSuffix(r.Cells[0].Text, "/")
				case r.Short != "":
					n, _ := strconv.Atoi(digits.FindString(r.Short))
					shown[family] += n
				case strings.HasPrefix(r.Cells[0].Text, "  "):
					shown[family]++
				}
			}
			for _, f := range Families(some) {
				if f.IDs[0] != f.Name && Escape(f.Name, 48) == f.Name {
					assert.Equal(t, len(f.IDs), shown[f.Name], "%s: %s", name, f.Name)
				}
			}
		}
	}
}

// Only answers that are the same everywhere are folded; those that differ or are unclear are shown.
func TestOnlyWhatIsAlikeIsFolded(t *testing.T) {
	for name, records := range runs(t) {
		if !Compared(records) {
			continue
		}
		folded := written(t, records, TableOptions{Format: table.Format{Width: 80}})
		answered := answeredAny(records)
		for _, f := range Families(records) {
			for _, id := range f.IDs {
				texts := map[string]bool{}
				for i, r := range records {
					if answered[i] {
						texts[probeCell(r, id).Text] = true
					}
				}
				rest := strings.TrimPrefix(id, f.Name+"/")
				if len(texts) > 1 && Escape(id, 48) == id && !strings.Contains(folded, f.Name+"/ all ") {
					assert.Contains(t, folded, rest, "%s: %s", name, id)
				}
			}
		}
	}
}

func TestReferences(t *testing.T) {
	kernel := func(profile string, works int) record.Record {
		r := boot(profile, record.Completed, wire.Finding{ID: "z", Verdict: wire.Absent})
		r.Series = "6.12"
		for i := range works {
			r.Findings = append(r.Findings, wire.Finding{ID: strconv.Itoa(i), Verdict: wire.Works})
		}
		return r
	}
	into := func(r record.Record, init string) record.Record {
		r.Profile += "/" + init
		r.ID, r.Init = r.ID+"/"+init, init
		return r
	}
	dead := kernel("full", 3)
	dead.Outcome = record.Panicked
	old := kernel("full", 3)
	old.Series = "6.1"
	lost := boot("no-inet", record.Hung)
	for _, tt := range []struct {
		name    string
		records []record.Record
		want    []int
	}{
		{"one", []record.Record{kernel("no-net", 1)}, []int{none}},
		{"the ladder", []record.Record{kernel("no-net", 1), kernel("full", 3), kernel("bare-net", 2), kernel("lo-down", 2)}, []int{1, none, 1, 1}},
		{"by name before by number", []record.Record{kernel("full", 3), kernel("services", 9), kernel("services-no-net", 2), kernel("lo-down", 2)}, []int{none, none, 1, 0}},
		{"by number", []record.Record{kernel("tiny", 1), kernel("mine", 4), kernel("full", 3)}, []int{1, none, 1}},
		{"a config of one's own", []record.Record{kernel("config-mine", 4), kernel("config-mine-no-net", 1), kernel("defconfig", 9)}, []int{none, 0, none}},
		{"the fragments are the same", []record.Record{kernel("full", 9), kernel("full+apps", 3), kernel("no-net+apps", 1)}, []int{none, none, 1}},
		{"the init is the same", []record.Record{into(kernel("full", 3), "probe"), into(kernel("full", 4), "busybox"), into(kernel("no-net", 1), "probe")}, []int{none, none, 0}},
		{"the series is the same", []record.Record{old, kernel("no-net", 1)}, []int{none, none}},
		{"the reference panicked", []record.Record{dead, kernel("no-inet", 2), kernel("no-net", 1)}, []int{none, none, 1}},
		{"one answered nothing", []record.Record{kernel("full", 3), lost}, []int{none, none}},
		{"nothing works", []record.Record{kernel("full", 0), kernel("no-net", 0)}, []int{none, none}},
	} {
		for i := range tt.records {
			tt.records[i].ID += strconv.Itoa(i)
		}
		assert.Equal(t, tt.want, references(tt.records), tt.name)
	}
}

func TestCloser(t *testing.T) {
	r, probe := Closer(runs(t)["demo"])
	assert.Equal(t, "no-net lo/present", r.Profile+" "+probe)
	r, probe = Closer(runs(t)["alone"])
	assert.Equal(t, "no-net lo/present", r.Profile+" "+probe)
	// What the reference lacks too was not lost.
	full := boot("full", record.Completed, wire.Finding{ID: "a/x", Verdict: wire.Absent}, wire.Finding{ID: "a/y", Verdict: wire.Works})
	less := boot("no-net", record.Completed, wire.Finding{ID: "a/x", Verdict: wire.Absent}, wire.Finding{ID: "a/y", Verdict: wire.Absent})
	_, probe = Closer([]record.Record{full, less})
	assert.Equal(t, "a/y", probe)
	_, probe = Closer(nil)
	assert.Empty(t, probe)
}

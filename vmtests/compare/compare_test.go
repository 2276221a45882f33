package compare

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// of returns the boots of a profile in a results file: one of package report, or ten.jsonl here,
// which has ten real boots of each of two kernels and some of their probes.
func of(t *testing.T, file, profile string) *Side {
	t.Helper()
	results, err := record.Store{Path: file}.Open()
	require.NoError(t, err)
	defer results.Close()
	require.Empty(t, results.Damage)
	s := &Side{Name: profile}
	for _, r := range results.Records {
		if r.Profile == profile {
			s.Records = append(s.Records, r)
		}
	}
	require.NotEmpty(t, s.Records)
	k := s.Records[0].Kernel
	s.Kernel = &kbuild.Kernel{Built: k}
	return s
}

func TestGolden(t *testing.T) {
	const reports = "../report/testdata/"
	for name, c := range map[string][3]string{
		"ten":      {"testdata/ten.jsonl", "full", "no-net"},
		"same":     {"testdata/ten.jsonl", "full", "full"},
		"once":     {reports + "eight.jsonl", "full", "no-ipv6"},
		"panicked": {reports + "faults.jsonl", "full", "no-unix"},
		"silent":   {reports + "faults.jsonl", "full", "no-net"},
		"rig":      {reports + "faults.jsonl", "full", "no-inet"},
		"hostile":  {reports + "hostile.jsonl", "full", "no-net"},
	} {
		got := map[string]string{}
		for _, format := range []string{"text", "markdown", "json"} {
			a, z := of(t, c[0], c[1]), of(t, c[0], c[2])
			if name == "hostile" {
				a.Name, a.Notes = "f\x1b[31mull", []string{"a note <b>\n\x1b[2J"}
			}
			d := Between(a, z)
			var b strings.Builder
			if format == "json" {
				require.NoError(t, table.JSON(&b, d))
			} else {
				require.NoError(t, d.Write(&b, configdiff.Text{Markdown: format == "markdown"}))
			}
			got[format] = b.String()
		}
		for format, text := range got {
			assert.NotContains(t, text, "null,\n  \"", "%s: a list is null", name)
			bad := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
			assert.Equal(t, -1, bad, "%s.%s acts on the terminal", name, format)
			golden := filepath.Join("testdata", name+"."+format+".golden")
			if format == "json" && name != "panicked" { // one shows the shape
				continue
			}
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(text), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), text, golden)
		}
	}
}

func TestCompare(t *testing.T) {
	line := func(n int, from float64) (all []float64) {
		for i := range n {
			all = append(all, from+float64(i))
		}
		return all
	}
	for _, tc := range []struct {
		a, b    []float64
		verdict string
	}{
		{line(4, 1), line(4, 11), "+400.0 %"},
		{line(3, 1), line(3, 11), tooFew},
		{line(10, 1), line(10, 2), "no significant difference"},
		{line(10, 1), line(10, 1), "no significant difference"},
		{[]float64{7, 7, 7, 7}, []float64{7, 7, 7, 7}, "no significant difference"},
		{[]float64{0, 0, 0, 0}, line(4, 1), "+2.5"},
		{line(10, 1), nil, "-"},
		{[]float64{7}, []float64{7}, tooFew},
		{line(2, 1), line(8, 11), "+866.7 %"},
		{line(2, 1), line(7, 11), tooFew},
	} {
		m := compare("x", "s", tc.a, tc.b)
		assert.Equal(t, tc.verdict, m.verdict(), "%v %v", tc.a, tc.b)
		assert.Equal(t, len(tc.a), m.A.N)
	}
	m := compare("x", "s", line(6, 1), line(5, 11))
	assert.Equal(t, "1.000 to 6.000", m.interval(m.A))
	assert.Equal(t, "-", m.interval(m.B))
	assert.Equal(t, []string{"need >= 6 samples for confidence interval at level 0.95"}, m.Warnings)
	assert.InDelta(t, 0.0043, m.P, 0.0001, "the exact U test's 2/462")
	assert.InDelta(t, 9.5, m.Difference, 1e-9)
}

// boots returns records of boots under given conditions.
func boots(run string, n int, change func(*record.Record)) []record.Record {
	var all []record.Record
	for i := range n {
		r := record.Record{ID: run + "/" + string(rune('a'+i)), Run: run, Outcome: record.Completed}
		r.Machine.Accel, r.Initramfs.Key = "tcg", "key"
		if change != nil {
			change(&r)
		}
		all = append(all, r)
	}
	return all
}

func join(parts ...[]record.Record) *Side {
	s := &Side{Name: "x"}
	for _, p := range parts {
		s.Records = append(s.Records, p...)
	}
	return s
}

// other assigns the boots to another kernel.
func other(change func(*record.Record)) func(*record.Record) {
	return func(r *record.Record) { r.ID += "x"; change(r) }
}

func TestBootsOfOneRunCount(t *testing.T) {
	mine := other(func(*record.Record) {})
	c := Between(join(boots("r1", 9, nil), boots("r2", 3, nil), boots("r3", 3, nil)), join(boots("r1", 2, mine), boots("r2", 4, mine), boots("r3", 4, mine)))
	assert.Equal(t, "r3", c.Run, "of those with most of both the newest")
	assert.Equal(t, 3, c.Least())
	assert.Equal(t, "r3/a r3/b r3/c", strings.Join(c.A.Boots, " "))

	c = Between(join(boots("r1", 9, nil)), join(boots("r1", 9, other(func(r *record.Record) { r.Initramfs.Key += "+modules" }))))
	assert.Equal(t, "r1", c.Run)
	for what, change := range map[string]func(*record.Record){
		"initramfs":    func(r *record.Record) { r.Initramfs.Key = "another" },
		"accelerators": func(r *record.Record) { r.Machine.Accel = "kvm" },
		"runs are r1":  func(r *record.Record) { r.Run = "r2" },
	} {
		c := Between(join(boots("r1", 9, nil)), join(boots("r1", 9, other(change))))
		assert.Empty(t, c.Run)
		assert.Zero(t, c.Least())
		assert.Empty(t, c.Measures)
		require.Len(t, c.Notes, 2)
		assert.Contains(t, c.Notes[0], what)
	}
	c = Between(join(boots("r1", 9, nil)), join(boots("r1", 9, func(r *record.Record) { r.Outcome = record.QEMUFailed })))
	assert.Empty(t, c.Run)
	assert.Len(t, c.A.Boots, 9)
	assert.Empty(t, c.B.Boots, "an infrastructure failure is not a boot of a kernel")

	c = Between(join(boots("r1", 5, nil)), join(boots("r1", 5, nil)))
	assert.Equal(t, "r1/a r1/c r1/e, r1/b r1/d", strings.Join(c.A.Boots, " ")+", "+strings.Join(c.B.Boots, " "))
	c = Between(join(boots("r1", 3, nil)), join(boots("r1", 3, nil)[1:2]))
	assert.Equal(t, "r1/a r1/c, r1/b", strings.Join(c.A.Boots, " ")+", "+strings.Join(c.B.Boots, " "))
}

func TestAnswersThatVary(t *testing.T) {
	finding := func(v wire.Verdict, errno string) func(*record.Record) {
		return func(r *record.Record) {
			r.Hello = &wire.Hello{Probes: []string{"app/x", "lo/up"}}
			r.Findings = []wire.Finding{{ID: "app/x", Verdict: v, Errno: errno}}
		}
	}
	works, absent := finding(wire.Works, ""), finding(wire.Absent, "ENOSYS")
	a, b := append(boots("r1", 1, absent), boots("r1", 3, works)...), boots("r1", 4, other(works))
	c := Between(join(a), join(b))
	require.Len(t, c.Families, 2)
	assert.Equal(t, []Difference{{Probe: "app/x",
		A: []Answer{{Verdict: wire.Works, Boots: 3}, {Verdict: wire.Absent, Errno: "ENOSYS", Boots: 1}},
		B: []Answer{{Verdict: wire.Works, Boots: 4}}}}, c.Families[0].Differ)
	assert.Equal(t, "works (3); ENOSYS (1)", text(c.Families[0].Differ[0].A))
	assert.Empty(t, c.Families[1].Differ, "neither answered")
	assert.Equal(t, "no answer", text(answers(b, "lo/up")))
	assert.Equal(t, "-", text(answers(b, "lo/none")))
}

func TestNumbersThatDiffer(t *testing.T) {
	number := func(from float64) func(*record.Record) {
		n := 0.0
		return func(r *record.Record) {
			n++
			r.Findings = []wire.Finding{{ID: "perf/x", Verdict: wire.Works, Numbers: map[string]float64{
				"latency_us": from + n, "noise": n, "huge": math.Copysign(1e308, from-50),
			}}, {ID: "perf/y", Numbers: map[string]float64{"only " + r.Run: 1}}}
		}
	}
	a, b := boots("r", 6, number(10)), boots("r", 6, other(number(100)))
	for i := range b {
		delete(b[i].Findings[1].Numbers, "only r")
	}
	c := Between(join(a), join(b))
	assert.Equal(t, 2, c.NumbersCompared, "those that both have, except what is not a measurement")
	require.Len(t, c.Numbers, 1)
	assert.Equal(t, "perf/x latency_us", c.Numbers[0].Name)
	assert.InDelta(t, 90, c.Numbers[0].Difference, 1e-9)
	var out strings.Builder
	require.NoError(t, c.Write(&out, configdiff.Text{}))
	assert.Contains(t, out.String(), "\nNumbers of the probes: 1 of 2 differ significantly;")
	assert.Contains(t, out.String(), "\nperf/x latency us  13.5  11 to 16  103.5  101 to 106     +666.7 %  0.002  6\n")
}

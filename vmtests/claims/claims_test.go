package claims

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

const entry = `# A comment.
claim T1
text    Networks are
        needed.
who     nobody
because it is a test
boot    full no-net
true    full completed; full socket/* works; no-net socket/* absent ENOSYS
depends on size: full a/b value 65 536; full a/b.p50 > 2 x no-net a/b.p50
false   not full completed
`

func claim(t *testing.T) Claim {
	t.Helper()
	all, err := Parse("test.txt", entry)
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

func rec(profile, series string, o record.Outcome, findings ...wire.Finding) record.Record {
	return record.Record{
		ID: "run/" + profile + series, Run: "run", Profile: profile, Series: series, Outcome: o,
		Time: time.Unix(1, 0), Findings: findings,
	}
}

func finding(id string, v wire.Verdict, errno string) wire.Finding {
	return wire.Finding{ID: id, Verdict: v, Errno: errno}
}

func TestParse(t *testing.T) {
	c := claim(t)
	assert.Equal(t, "Networks are needed.", c.Text)
	assert.Equal(t, []string{"full", "no-net"}, c.Profiles)
	require.Len(t, c.Rules, 3)
	assert.Equal(t, "size", c.Rules[1].On)
	assert.Len(t, c.Rules[0].Conditions, 3)
}

// A boot into another init is evidence if it exists, and is not missing otherwise.
func TestInits(t *testing.T) {
	all, err := Parse("f", "claim A\ntext x\nwho x\nbecause x\nboot full\n"+
		"false full completed; full/busybox init/lo works; full/systemd hung\nfalse full completed\n")
	require.NoError(t, err)
	assert.Equal(t, []string{"netstrip run full", "netstrip run full --init busybox,systemd"}, all[0].runs())
	plain := rec("full", "6.12", record.Completed)
	into := rec("full/busybox", "6.12", record.Completed, finding("init/lo", wire.Works, ""))
	hung := rec("full/systemd", "6.12", record.Hung)
	assert.Len(t, Decide(all[0], []record.Record{plain, into, hung}).Evidence, 3)
	e := Decide(all[0], []record.Record{plain, into})
	assert.Equal(t, False, e.Verdict)
	assert.Len(t, e.Evidence, 1)
	e = Decide(all[0], []record.Record{into})
	assert.Equal(t, Undecided, e.Verdict, "a boot into another init does not count as one of the profile")
}

// claims.txt has no errors.
func TestAll(t *testing.T) {
	all, err := All()
	require.NoError(t, err)
	assert.NotEmpty(t, all)
}

func TestParseFaults(t *testing.T) {
	const head = "claim A\ntext x\nwho x\nbecause x\nboot full\n"
	for text, want := range map[string]string{
		"text x\n": `f:1: "text" comes before the first claim`,
		head + "true full completed\n" + head + "true full completed\n": "f:7: there are two claims A",
		head + "maybe full completed\n":                                 `f:6: "maybe" is none of claim, text, who, boot, measure, because, true, false, depends`,
		head + "true full finished\n":                                   `f:6: "finished" is not an outcome of a boot`,
		head + "true full a/b perhaps\n":                                `f:6: "perhaps" is not a verdict of a probe`,
		head + "true full\n":                                            `f:6: "full" is not a condition`,
		head + "true full a/b > 2 x full a/b.p50\n":                     `f:6: "a/b" is not a number of a probe, such as perf/tcp4.p50`,
		head + "depends on nothing\n":                                   "f:6: want: depends on WHAT: CONDITION",
		head + "true no-net completed\n":                                "f: claim A asks about no-net, which it does not boot",
		head:                                                            "f: claim A has no rule",
		"claim A\ntext x\nboot full\ntrue full completed\n":             "f: claim A does not say who makes it",
	} {
		_, err := Parse("f", text)
		assert.EqualError(t, err, want)
	}
}

func TestDecide(t *testing.T) {
	c := claim(t)
	full := rec("full", "6.12", record.Completed, finding("socket/a", wire.Works, ""), finding("socket/b", wire.Works, ""))
	none := rec("no-net", "6.12", record.Completed, finding("socket/a", wire.Absent, "ENOSYS"))
	e := Decide(c, []record.Record{full, none})
	assert.Equal(t, True, e.Verdict)
	assert.Equal(t, Evidence{
		Record: "run/full6.12", Profile: "full", Series: "6.12", Condition: "full socket/* works", Found: "socket/b works",
	}, e.Evidence[2])
	require.Len(t, e.Evidence, 4)

	// One finding that does not match is enough; the second rule then lacks its probe.
	full.Findings[1].Verdict = wire.Absent
	e = Decide(c, []record.Record{full, none})
	assert.Equal(t, Undecided, e.Verdict)
	assert.Equal(t, []string{"an answer to a/b on full", "the number p50 of a/b on full"}, e.Missing)
	assert.Empty(t, e.Evidence)

	// Numbers and values.
	size := finding("a/b", wire.Works, "")
	size.Value, size.Numbers = "65 536", map[string]float64{"p50": 10}
	small := finding("a/b", wire.Works, "")
	small.Numbers = map[string]float64{"p50": 4}
	full.Findings, none.Findings = append(full.Findings, size), append(none.Findings, small)
	e = Decide(c, []record.Record{full, none})
	assert.Equal(t, Depends, e.Verdict)
	assert.Equal(t, "size", e.DependsOn)
	assert.Equal(t, "10 against 4: 2.50 times", e.Evidence[1].Found)

	e = Decide(c, []record.Record{rec("full", "6.12", record.Hung), none})
	assert.Equal(t, False, e.Verdict)
	e = Decide(c, []record.Record{rec("full", "6.12", record.QEMUFailed), none})
	assert.Equal(t, Undecided, e.Verdict, "an infrastructure failure says nothing")
	e = Decide(c, nil)
	assert.Equal(t, Undecided, e.Verdict)
	assert.Equal(t, []string{"a boot of full, no-net"}, e.Missing)
}

// If series agree there is one ruling; otherwise it depends on the series.
func TestDecideSeries(t *testing.T) {
	c := claim(t)
	good := []wire.Finding{finding("socket/a", wire.Works, "")}
	gone := []wire.Finding{finding("socket/a", wire.Absent, "ENOSYS")}
	records := []record.Record{
		rec("full", "6.12", record.Completed, good...), rec("no-net", "6.12", record.Completed, gone...),
		rec("full", "6.1", record.Completed, good...), rec("no-net", "6.1", record.Completed, gone...),
	}
	assert.Equal(t, True, Decide(c, records).Verdict)
	records[2].Outcome = record.Panicked
	e := Decide(c, records)
	assert.Equal(t, Depends, e.Verdict)
	assert.Equal(t, "the kernel: false on 6.1, true on 6.12", e.DependsOn)
	records[2].Outcome = record.Completed
	records[3].Findings = nil
	e = Decide(c, records)
	assert.Equal(t, Undecided, e.Verdict, "both have to be known")
}

// A newer boot with only some probes does not hide an older one with all, and each condition
// cites the record that decides it.
func TestDecideFromSeveralBoots(t *testing.T) {
	all, err := Parse("f", "claim A\ntext x\nwho x\nbecause x\nboot full\nmeasure full\ntrue full a/b works; full perf/x.p50_us > 2 x full perf/y.p50_us\n")
	require.NoError(t, err)
	whole := rec("full", "6.12", record.Completed, finding("a/b", wire.Works, ""))
	x, y := finding("perf/x", wire.Works, ""), finding("perf/y", wire.Works, "")
	x.Numbers, y.Numbers = map[string]float64{"p50_us": 9}, map[string]float64{"p50_us": 3}
	some := rec("full", "6.12", record.Completed, x, y)
	some.ID, some.Probes, some.Time = "run/some", "perf/*", time.Unix(2, 0)
	for _, records := range [][]record.Record{{whole, some}, {some, whole}} {
		e := Decide(all[0], records)
		assert.Equal(t, True, e.Verdict)
		require.Len(t, e.Evidence, 2)
		assert.Equal(t, "run/full6.12", e.Evidence[0].Record)
		assert.Equal(t, "run/some", e.Evidence[1].Record)
	}
	assert.Equal(t, []string{"the number p50_us of perf/x on full"}, Decide(all[0], []record.Record{whole}).Missing)
	var b strings.Builder
	require.NoError(t, Decide(all[0], nil).Write(&b))
	assert.Contains(t, b.String(), "netstrip run full && netstrip bench full && netstrip claims A\n")

	// A ruling that rests on two series is repeated on both.
	old := whole
	old.Series, old.ID = "6.1", "run/full6.1"
	c, err := Parse("f", "claim A\ntext x\nwho x\nbecause x\nboot full\ntrue full a/b works\n")
	require.NoError(t, err)
	b.Reset()
	require.NoError(t, Decide(c[0], []record.Record{whole, old}).Write(&b))
	assert.Contains(t, b.String(), "repeat it  netstrip run full --series 6.1 && netstrip run full && netstrip claims A\n")

	old.Series, old.Arch = "6.12", "arm64"
	b.Reset()
	require.NoError(t, Decide(c[0], []record.Record{old}).Write(&b))
	assert.Contains(t, b.String(), "repeat it  netstrip run full --series 6.12 --arch arm64 && netstrip claims A\n")
}

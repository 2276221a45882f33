package expect

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

func sample() record.Record {
	return record.Record{
		Profile: "p", Series: "6.12", Outcome: record.Completed,
		Findings: []wire.Finding{
			{ID: "socket/tcp4/loopback", Verdict: wire.Absent, Errno: "ENOSYS", Call: "socket(AF_INET, SOCK_STREAM)"},
			{ID: "lo/mtu", Verdict: wire.Works, Value: "65536", Call: "/sys/class/net/lo/mtu"},
			{ID: "lo/flags", Verdict: wire.Works, Value: `two words "quoted"`},
		},
	}
}

func TestDeviations(t *testing.T) {
	want := answersOf(sample())
	for name, tc := range map[string]struct {
		change func(*record.Record)
		want   []string
	}{
		"verdict": {
			func(r *record.Record) { r.Findings[0].Verdict, r.Findings[0].Errno = wire.Works, "" },
			[]string{"socket/tcp4/loopback: want absent ENOSYS - socket(AF_INET, SOCK_STREAM), got works - - socket(AF_INET, SOCK_STREAM)"},
		},
		"errno": {
			func(r *record.Record) { r.Findings[0].Errno = "EAFNOSUPPORT" },
			[]string{"socket/tcp4/loopback: want absent ENOSYS - socket(AF_INET, SOCK_STREAM), got absent EAFNOSUPPORT - socket(AF_INET, SOCK_STREAM)"},
		},
		"value": {
			func(r *record.Record) { r.Findings[1].Value = "1500" },
			[]string{"lo/mtu: want works - 65536 /sys/class/net/lo/mtu, got works - 1500 /sys/class/net/lo/mtu"},
		},
		"missing": {
			func(r *record.Record) { r.Findings = r.Findings[:2] },
			[]string{`lo/flags: want works - "two words \"quoted\"" -, got nothing`},
		},
		"new": {
			func(r *record.Record) {
				r.Findings = append(r.Findings, wire.Finding{ID: "lo/new", Verdict: wire.Works})
			},
			[]string{"lo/new: want nothing, got works - - -"},
		},
		"infrastructure failure": {
			func(r *record.Record) { r.Outcome, r.Findings = record.QEMUFailed, nil },
			[]string{"outcome: want completed, got qemu-failed"},
		},
		"measurements may differ": {
			func(r *record.Record) {
				r.Findings[1].Micros, r.Findings[1].Numbers = 7, map[string]float64{"x": 1}
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := sample()
			tc.change(&r)
			var got []string
			for _, d := range deviations(want, r) {
				got = append(got, d.String())
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestParseExpectationErrors(t *testing.T) {
	for text, want := range map[string]string{
		"outcome completed\nlo/mtu\n":                       `x:2: want a probe and an answer, got "lo/mtu"`,
		"outcome completed\nlo/mtu works\n":                 "x:2: want verdict, errno, value and call",
		"outcome completed\na works - - -\na works - - -\n": "x:3: a is listed twice",
		"# nothing\n": "x: no outcome is expected",
		"outcome completed\na works - \"open -\n": `x:2: reading the value in "\"open -": invalid syntax`,
	} {
		_, err := parseExpectation("x", text)
		assert.EqualError(t, err, want)
	}
}

func TestNoExpectation(t *testing.T) {
	_, err := Deviations(record.Record{Profile: "full+mine", Series: "6.12"})
	assert.ErrorIs(t, err, ErrNoExpectation)
}

// A boot of chosen probes is compared with the expectations of those only, also of those that run
// only when named.
func TestDeviationsOfChosenProbes(t *testing.T) {
	r := record.Record{Profile: "no-net", Series: "6.12", Outcome: record.Completed, Probes: "lo/mtu,perf/tcp4"}
	r.Hello = &wire.Hello{Probes: []string{"lo/mtu", "perf/tcp4"}}
	r.Findings = []wire.Finding{{ID: "lo/mtu", Verdict: wire.Absent, Errno: "ENOSYS", Call: "socket(AF_INET, SOCK_DGRAM)"}}
	devs, err := Deviations(r)
	require.NoError(t, err)
	require.Len(t, devs, 1, "%v", devs)
	assert.Equal(t, "perf/tcp4: want absent ENOSYS - socket(AF_INET, SOCK_STREAM), got nothing", devs[0].String())
	r.Probes = ""
	devs, err = Deviations(r)
	require.NoError(t, err)
	assert.Greater(t, len(devs), 100, "all are missed")
	assert.NotContains(t, devs[0].String(), "perf/")
}

// A probe of the catalogue that the guest does not answer is a deviation.
func TestUnansweredNewProbe(t *testing.T) {
	r := record.Record{Profile: "full", Series: "6.12", Outcome: record.Completed, Probes: "socket/new", Unanswered: []string{"socket/new"}}
	devs, err := Deviations(r)
	require.NoError(t, err)
	assert.Equal(t, []Deviation{{"socket/new", "an answer", ""}}, devs)
}

// A probe must work on some kernel and be absent on another, unless the catalogue says why not:
// what works without networking is a finding too.
func TestEveryProbeSaysYesAndNo(t *testing.T) {
	works, absent := map[string]bool{}, map[string]bool{}
	err := fs.WalkDir(golden, "testdata", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".txt" {
			return err
		}
		data, err := golden.ReadFile(name)
		require.NoError(t, err)
		all, err := parseExpectation(name, string(data))
		require.NoError(t, err)
		for id, answer := range all {
			works[id] = works[id] || strings.HasPrefix(answer, string(wire.Works))
			absent[id] = absent[id] || strings.HasPrefix(answer, string(wire.Absent))
		}
		return nil
	})
	require.NoError(t, err)
	delete(works, outcomeID)
	delete(works, saidID)
	require.NotEmpty(t, works)
	always := map[string]string{}
	for _, p := range wire.Probes() {
		assert.Contains(t, works, p.ID, "it has no expectation")
		always[p.ID] = p.Always
	}
	for id := range works {
		assert.Contains(t, id, "/")
		assert.True(t, works[id], "%s works nowhere", id)
		if why, ours := always[id]; ours && !strings.HasPrefix(id, wire.InitFamily+"/") { // and no application
			assert.Equal(t, why == "", absent[id], "%s: is it absent anywhere? its probe says: %q", id, why)
		}
	}
}

// A finding is read back as it was written, whatever its value.
func TestAnswersAreReadBack(t *testing.T) {
	for _, value := range []string{"", "-", "--", "-1", "a-", "-256 of 256-", "256 of 256", `"`, `say "a b"`, `a\b`, " ", "a\tb", "a\nb", "a\u00a0b", "127.0.0.1,::1"} {
		for _, call := range []string{"", "socket(AF_INET, SOCK_STREAM)", "/proc/net/-"} {
			want := wire.Finding{ID: "x/y", Verdict: wire.Works, Value: value, Call: call}
			got, err := findingOf(want.ID, answer(want))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
	}
}

// Expected unquotes values, and returns what was written.
func TestExpectedIsAsWritten(t *testing.T) {
	all, err := Expected("6.12", "no-netns+apps")
	require.NoError(t, err)
	i := slices.IndexFunc(all, func(f wire.Finding) bool { return f.ID == "app/crun/loopback" })
	require.GreaterOrEqual(t, i, 0)
	assert.Equal(t, wire.Finding{ID: "app/crun/loopback", Verdict: wire.Absent, Errno: "EINVAL", Value: "does not start", Call: "clone(CLONE_NEWNET)"}, all[i])
	want, err := Files{}.of("6.12", "no-netns+apps")
	require.NoError(t, err)
	for _, f := range all {
		assert.Equal(t, want[f.ID], answer(f), f.ID)
	}
}

// The user's own applications must answer, but have no expectation, whatever their names. The
// others keep theirs.
func TestDeviationsOfOwnApplications(t *testing.T) {
	const redis, unix, dark = "app/redis/loopback", "app/redis/unix", "app/darkhttpd/loopback"
	works := func(id string) wire.Finding { return wire.Finding{ID: id, Verdict: wire.Works} }
	for name, tt := range map[string]struct {
		own        []string
		findings   []wire.Finding
		unanswered []string
		want       []string
	}{
		"as expected":          {[]string{dark}, []wire.Finding{works(redis), works(unix), works(dark)}, nil, nil},
		"fails":                {[]string{dark}, []wire.Finding{works(redis), works(unix), {ID: dark, Verdict: wire.Absent}}, nil, nil},
		"ours fails beside":    {[]string{dark}, []wire.Finding{{ID: redis, Verdict: wire.Absent}, works(unix), works(dark)}, nil, []string{redis + ": want works - - -, got absent - - -"}},
		"ours in its place":    {[]string{redis, unix}, []wire.Finding{{ID: redis, Verdict: wire.Absent}}, nil, nil},
		"one way in its place": {[]string{redis}, []wire.Finding{{ID: redis, Verdict: wire.Absent}}, nil, []string{unix + ": want works - - -, got nothing"}},
		"no answer":            {[]string{dark}, []wire.Finding{works(redis), works(unix)}, []string{dark}, []string{dark + ": want an answer, got nothing"}},
		"none of either":       {nil, []wire.Finding{works(redis), works(unix), works(dark)}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := record.Record{Profile: "full+apps", Series: "6.12", Outcome: record.Completed, Probes: "app/redis/*,app/darkhttpd/*",
				Own: tt.own, Findings: tt.findings, Unanswered: tt.unanswered}
			list, err := Unexpected(r)
			require.NoError(t, err)
			for _, f := range tt.findings {
				assert.Equal(t, f.ID == dark || slices.Contains(tt.own, f.ID), slices.Contains(list, f.ID), f.ID)
			}
			devs, err := Deviations(r)
			require.NoError(t, err)
			var got []string
			for _, d := range devs {
				got = append(got, d.String())
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// A boot into an init must also meet the expectation of the profile, except where its own differs.
// The errors of an init that did not complete are expected too.
func TestInitExpectations(t *testing.T) {
	full, err := Files{}.of("6.12", "full")
	require.NoError(t, err)
	r := record.Record{Series: "6.12", Profile: "full/busybox", Outcome: record.Completed, Init: "busybox"}
	want, err := Files{}.expectation("6.12", r)
	require.NoError(t, err)
	assert.Equal(t, full["socket/tcp4/loopback"], want["socket/tcp4/loopback"])
	assert.NotEmpty(t, want["init/step/lo"])
	assert.Empty(t, full["init/step/lo"])

	r = record.Record{
		Series: "6.12", Profile: "p/x", Outcome: record.Hung,
		Init: "x", Said: []string{"x[1]: no socket", "Freezing."},
	}
	want = answersOf(r)
	r.Said = slices.Clone(r.Said[:1])
	assert.Equal(t, []Deviation{{saidID, "x[1]: no socket; Freezing.", "x[1]: no socket"}}, deviations(want, r))
}

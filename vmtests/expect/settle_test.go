package expect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

// The host decides which probes are missed, whatever the guest says it was asked.
func TestHelloDecidesNothing(t *testing.T) {
	for _, hello := range []*wire.Hello{nil, {}, {Probes: []string{"lo/mtu"}}} {
		for patterns, least := range map[string]int{"socket/*": 20, "perf/*": 5, "lo/mtu": 1, "": 100} {
			r := record.Record{Series: "6.12", Profile: "full", Outcome: record.Completed, Probes: patterns, Hello: hello}
			devs, err := Deviations(r)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, len(devs), least, "%q %v", patterns, hello)
			r.Init, r.Profile = "busybox", "full/busybox"
			devs, err = Deviations(r)
			require.NoError(t, err)
			assert.Contains(t, fmt.Sprint(devs), "init/process", "it is asked in addition to the chosen probes")
		}
	}
}

func TestSettle(t *testing.T) {
	works := wire.Finding{ID: "lo/up", Verdict: wire.Works, Call: "/sys/class/net/lo/flags"}
	slower, absent, other := works, works, works
	slower.Micros, slower.Detail = 9, "the second time"
	absent.Verdict, absent.Errno = wire.Absent, "ENODEV"
	other.Value = "1"
	for name, tc := range map[string]struct {
		all     []wire.Finding
		verdict wire.Verdict
		notice  string
	}{
		"once":             {[]wire.Finding{works}, wire.Works, ""},
		"the same again":   {[]wire.Finding{works, slower, works}, wire.Works, "2 findings were sent twice, identically"},
		"its opposite":     {[]wire.Finding{absent, works}, wire.Inconclusive, "1 probes with two different answers, counted as inconclusive: lo/up"},
		"back again":       {[]wire.Finding{works, absent, works}, wire.Inconclusive, "1 probes with two different answers"},
		"with other words": {[]wire.Finding{works, other}, wire.Inconclusive, "1 probes with two different answers"},
	} {
		once, notices := settle(tc.all)
		require.Len(t, once, 1, name)
		assert.Equal(t, tc.verdict, once[0].Verdict, name)
		assert.Contains(t, strings.Join(notices, "\n"), tc.notice, name)
		assert.Equal(t, tc.notice == "", notices == nil, name)
	}
}

// One line is enough for a kernel that never answered.
func TestInShort(t *testing.T) {
	r := record.Record{Series: "6.12", Profile: "full", Outcome: record.Silent}
	all, err := Deviations(r)
	require.NoError(t, err)
	require.Greater(t, len(all), 100)
	assert.Equal(t, []Deviation{{outcomeID, "completed", "silent"}, {fmt.Sprintf("%d probes", len(all)-1), "an answer of each", ""}}, InShort(r, all))
	r.Outcome = record.Completed
	assert.Len(t, InShort(r, all), len(all))
}

// Even a user's profile, which has no expectation, must answer what was asked, and consistently.
func TestContradictionsDeviateEverywhere(t *testing.T) {
	twice := []wire.Finding{{ID: "lo/up", Verdict: wire.Absent}, {ID: "lo/up", Verdict: wire.Works}}
	r := record.Record{Series: "6.12", Profile: "mine", Outcome: record.Completed, Findings: twice, Probes: "lo/*"}
	Settle(&r, []string{"lo/mtu", "lo/up", "socket/tcp4/loopback"})
	assert.Contains(t, r.Unanswered, "lo/mtu")
	assert.Len(t, r.Unanswered, 1)
	devs, err := Deviations(r)
	require.ErrorIs(t, err, ErrNoExpectation)
	assert.Contains(t, devs, Deviation{"lo/mtu", "an answer", ""})
	assert.Contains(t, devs, Deviation{"lo/up", "one answer", "two"})

	r.Profile, r.Findings = "full", twice
	devs, err = Deviations(r)
	require.NoError(t, err)
	assert.Contains(t, fmt.Sprint(devs), "lo/up: want works")
}

func TestUnasked(t *testing.T) {
	r := record.Record{Outcome: record.Completed, Probes: "lo/m*", Findings: []wire.Finding{{ID: "lo/mtu"}, {ID: "lo/up"}, {ID: "init/lo"}, {ID: "a\x1b[31m"}}}
	Settle(&r, []string{"lo/mtu", "lo/mac"})
	assert.Equal(t, []string{`the guest answered 3 probes that it was not asked: lo/up, init/lo, a\x1b[31m`}, r.Notices)
	assert.Equal(t, []string{"lo/mac"}, r.Unanswered)
	r.Unanswered, r.Outcome, r.Findings = nil, record.Hung, nil
	Settle(&r, []string{"lo/mtu", "lo/mac"})
	assert.Empty(t, r.Unanswered, "the outcome says enough")
}

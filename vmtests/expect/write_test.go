package expect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
)

// The user's own applications are not a difference, and take one line. One that fails even with
// the whole network takes another.
func TestWriteOwn(t *testing.T) {
	const redis, dark = "app/redis/loopback", "app/darkhttpd/loopback"
	const kept = "No expectation is kept for " + dark + ": it is your own.\n"
	of := func(profile string, verdict wire.Verdict) record.Record {
		return record.Record{Profile: profile + "+apps", Series: "6.12", Outcome: record.Completed, Probes: "app/redis/*,app/darkhttpd/*", Own: []string{dark},
			Findings: []wire.Finding{{ID: dark, Verdict: verdict, Detail: "darkhttpd ended with exit status 1"}}}
	}
	for name, tt := range map[string]struct {
		records []record.Record
		want    string
	}{
		"works":              {[]record.Record{of("full", wire.Works)}, kept},
		"fails without":      {[]record.Record{of("full", wire.Works), of("no-net", wire.Absent)}, kept},
		"works on all asked": {[]record.Record{of("no-packet", wire.Works)}, kept},
		"full was not asked": {[]record.Record{of("no-net", wire.Absent)}, kept + "Not tested: whether it works with the whole network; --profile full tests it.\n"},
		"never works": {[]record.Record{of("full", wire.Absent), of("no-net", wire.Absent)}, dark + " does not work on full+apps, which has the whole network: " +
			"its results on other profiles say nothing about the network. It is absent there: darkhttpd ended with exit status 1\n" + kept},
		"none of them own": {[]record.Record{{Profile: "full+apps", Findings: []wire.Finding{{ID: redis, Verdict: wire.Absent}}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			writeOwn(&b, tt.records)
			assert.Equal(t, tt.want, b.String())
		})
	}
	// Most of netstrip's own were never run on 6.1, which is not a difference either.
	old := record.Record{Profile: "full+apps", Series: "6.1", Outcome: record.Completed, Probes: "app/redis/*,app/mariadb/*",
		Findings: []wire.Finding{{ID: "app/mariadb/none", Verdict: wire.Works}, {ID: redis, Verdict: wire.Works}, {ID: "app/redis/unix", Verdict: wire.Works}}}
	var said strings.Builder
	write(&said, []record.Record{old})
	assert.Equal(t, "No expectation is kept for app/mariadb/none of full+apps on 6.1.\n", said.String())
	assert.NoError(t, Judge([]record.Record{old}))
	old.Findings[1].Verdict = wire.Absent
	assert.ErrorIs(t, Judge([]record.Record{old}), ErrDiffers)

	one := of("full", wire.Works)
	one.Own, one.Findings = nil, nil
	for i := range 9 {
		one.Own = append(one.Own, fmt.Sprintf("app/a%d/none", i))
		one.Findings = append(one.Findings, wire.Finding{ID: one.Own[i], Verdict: wire.Works})
	}
	var b strings.Builder
	writeOwn(&b, []record.Record{one})
	assert.Equal(t, "No expectation is kept for app/a0/none, app/a1/none, app/a2/none, app/a3/none, app/a4/none, app/a5/none and 3 more: they are your own.\n", b.String())
}

func TestJudge(t *testing.T) {
	// No expectation can be kept for the series.
	boot := func(profile string, o record.Outcome) record.Record {
		return record.Record{ID: "r/" + profile, Run: "r", Profile: profile, Series: "0.0", Outcome: o}
	}
	completed, panicked := boot("mine", record.Completed), boot("no-net", record.Panicked)
	faulty, cut := boot("full", record.QEMUFailed), boot("full", "")
	assert.NoError(t, Judge([]record.Record{completed}))

	err := Judge([]record.Record{completed, panicked})
	assert.ErrorIs(t, err, ErrDiffers)
	assert.EqualError(t, err, "not as expected: no-net")
	panicked.Series = "6.12" // which something is expected of
	assert.ErrorContains(t, Judge([]record.Record{panicked}), "not as expected: no-net (outcome: want completed, got panicked; and ")

	for _, r := range []record.Record{faulty, cut} {
		err := Judge([]record.Record{panicked, r})
		assert.NotErrorIs(t, err, ErrDiffers, "a fault outside the kernel goes first")
		assert.EqualError(t, err, "infrastructure failure, no result for full")
	}
}

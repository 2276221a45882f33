package report

import (
	"strings"
	"testing"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// boot returns a record of a profile with an outcome.
func boot(profile string, o record.Outcome, findings ...wire.Finding) record.Record {
	return record.Record{ID: "r/" + profile, Run: "r", Profile: profile, Outcome: o, Findings: findings}
}

func TestSummaryOfOddRecords(t *testing.T) {
	absent := wire.Finding{ID: "b", Verdict: wire.Absent}
	works := wire.Finding{ID: "a", Verdict: wire.Works}
	reached := boot("full", record.Hung)
	reached.Hello = &wire.Hello{Probes: []string{"a", "b"}}
	reached.Reason = "no progress for 60 s."
	for name, tt := range map[string]struct {
		records []record.Record
		want    []string
	}{
		"nothing": {nil, []string{"No boots are recorded."}},
		"one, and no probe": {
			[]record.Record{boot("full", record.Completed)},
			[]string{"The kernel full booted and finished the probes, without an oops or a panic.", "No probe was run."},
		},
		"no verdict": {
			[]record.Record{boot("full", "")},
			[]string{"The kernel full did not complete.", "full has no verdict.", "No probe was run."},
		},
		"all failed": {
			[]record.Record{boot("one", record.Panicked), boot("no-net", record.BuildFailed)},
			[]string{
				"None of the two kernels booted and finished the probes.",
				"one panicked.", "no-net has no verdict: infrastructure failure (build-failed).", "No probe was run.",
			},
		},
		"hung half way": {
			[]record.Record{reached, boot("no-net", record.Completed, works, absent)},
			[]string{
				"Of the two kernels only no-net booted and finished the probes.",
				"full hung after it had reached user space.",
				"Probes that work: 0 of 2 on full, 1 of 2 on no-net.",
				"Probes without a clear answer, counted as neither: 2 on full.",
			},
		},
		"a verdict of no known kind": {
			[]record.Record{boot("full", record.Completed, wire.Finding{ID: "a", Verdict: "perhaps", Errno: "ENOSYS"})},
			[]string{
				"The kernel full booted and finished the probes, without an oops or a panic.",
				"Probes that work: 0 of 1 on full.",
				"Probes without a clear answer, counted as neither: 1 on full.",
			},
		},
	} {
		assert.Equal(t, tt.want, sentences(tt.records), name)
	}
}

func TestSummarySaysWhatWasLost(t *testing.T) {
	absent := wire.Finding{ID: "b", Verdict: wire.Absent}
	works := wire.Finding{ID: "a", Verdict: wire.Works}
	for name, tt := range map[string]struct {
		records []record.Record
		want    []string
	}{
		"the reference has less": {
			[]record.Record{boot("full", record.Completed, works, absent), boot("no-net", record.Completed, works, wire.Finding{ID: "b", Verdict: wire.Works})},
			[]string{
				"Both kernels booted and finished the probes, without an oops or a panic.",
				"None of the 1 probes that work on full fails on no-net.",
				"1 other probe fails on full too.",
				"Absent on full but working elsewhere: 1 on no-net.",
			},
		},
		"what is not clear is no loss": {
			[]record.Record{
				boot("full", record.Completed, works, absent, wire.Finding{ID: "c", Verdict: wire.Works}),
				boot("no-net", record.Completed, wire.Finding{ID: "a", Verdict: wire.Absent}, absent, wire.Finding{ID: "c", Verdict: wire.Inconclusive}),
			},
			[]string{
				"Both kernels booted and finished the probes, without an oops or a panic.",
				"1 of the 2 probes that work on full fails on no-net.",
				"1 other probe fails on full too.",
				"Probes without a clear answer, counted as neither: 1 on no-net.",
			},
		},
		"one kernel": {
			[]record.Record{boot("no-net", record.Completed, works, absent)},
			[]string{
				"The kernel no-net booted and finished the probes, without an oops or a panic.",
				"On no-net 1 of 2 probes works, and 1 fails.",
			},
		},
		"applications": {
			[]record.Record{
				boot("full+apps", record.Completed, wire.Finding{ID: "app/x/none", Verdict: wire.Works}, wire.Finding{ID: "app/x/unix", Verdict: wire.Works}),
				boot("no-net+apps", record.Completed, wire.Finding{ID: "app/x/none", Verdict: wire.Works}, wire.Finding{ID: "app/x/unix", Verdict: wire.Absent, Errno: "ENOSYS", Call: "socket(AF_UNIX, SOCK_STREAM)"}),
			},
			[]string{
				"Both kernels booted and finished the probes, without an oops or a panic.",
				"1 of the 2 ways to use an application that work on full+apps fails on no-net+apps.",
			},
		},
	} {
		assert.Equal(t, tt.want, sentences(tt.records), name)
	}
}

// A kernel with an oops is not said to be without one.
func TestSummaryDoesNotPraiseAKernelWithNotices(t *testing.T) {
	r := boot("no-net", record.Completed, wire.Finding{ID: "b", Verdict: wire.Absent, Errno: "ENOSYS"})
	assert.Contains(t, strings.Join(sentences([]record.Record{r}), " "), "without an oops")
	r.Notices = []string{"oops"}
	said := strings.Join(sentences([]record.Record{r}), " ")
	assert.NotContains(t, said, "without an oops")
	assert.Contains(t, said, "Notices (oopses and the like): 1 on no-net.")
}

func TestCountsAddUp(t *testing.T) {
	for name, records := range corpus(t) {
		for _, r := range records {
			c := count(r)
			assert.Equal(t, len(Probes(r)), c.works+c.absent+c.unclear, "%s: %s", name, r.ID)
		}
	}
}

func TestShowOneProbe(t *testing.T) {
	full := corpus(t)["three"][0]
	var b strings.Builder
	require.NoError(t, Show(&b, full, "socket/tcp4/loopback"))
	assert.Equal(t, `socket/tcp4/loopback in 20260301T101500.123Z-4711/full
  question   Does TCP over 127.0.0.1 carry data both ways?
  verdict    works
  decided by socket(AF_INET, SOCK_STREAM)
  detail     connected to 127.0.0.1, sent 64 bytes, got them back
  took       169µs
  number     connect_us = 212
  number     echo_us = 88.5
`, b.String())
}

func TestShowAFamily(t *testing.T) {
	full := corpus(t)["three"][0]
	var b strings.Builder
	require.NoError(t, Show(&b, full, "socket/unix/"))
	assert.Equal(t, 3, strings.Count(b.String(), "socket/unix/"))
	assert.Len(t, Matching(full, "socket/unix"), 3)
	b.Reset()
	require.NoError(t, Show(&b, full, "socket/un"))
	assert.Empty(t, b.String())
	_, err := Only([]record.Record{full}, "socket/un")
	require.EqualError(t, err, "no such probe in the record: socket/un in 20260301T101500.123Z-4711/full")
	_, err = Only(corpus(t)["three"], "socket/un")
	require.EqualError(t, err, "no such probe in the record: socket/un in 20260301T101500.123Z-4711")
}

func TestShowAProbeThatDidNotAnswer(t *testing.T) {
	panicked := corpus(t)["faults"][1]
	for probe, want := range map[string]string{
		"socket/unix/socketpair": "none: the boot ended while it ran",
		"socket/raw":             "none: no answer was received",
	} {
		var b strings.Builder
		require.NoError(t, Show(&b, panicked, probe))
		assert.Contains(t, b.String(), want)
	}
}

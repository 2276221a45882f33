package report

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
)

// The corpus is a run of netstrip bench full no-inet no-net.
func TestSpeeds(t *testing.T) {
	records := load(t, "testdata/speeds/*.jsonl")["bench"]
	require.Len(t, records, 3)
	for golden, write := range map[string]func(*strings.Builder) error{
		"text": func(b *strings.Builder) error { return SpeedTable(Speeds(records)).Write(b, table.Format{}) },
		"markdown": func(b *strings.Builder) error {
			return SpeedTable(Speeds(records[:1])).Write(b, table.Format{Markdown: true})
		},
		"json": func(b *strings.Builder) error {
			return SpeedTable(Speeds(records)[:1]).Write(b, table.Format{JSON: true})
		},
	} {
		golden = "testdata/speeds/bench." + golden + ".golden"
		var b strings.Builder
		require.NoError(t, write(&b))
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), b.String())
	}
}

// Absolute numbers are meaningless only under emulation, and there is no ratio to something
// that was not measured.
func TestSpeedsOfOneBoot(t *testing.T) {
	numbers := map[string]float64{wire.P50: 10, wire.TripX: 3, wire.MBsX: 0.5}
	r := record.Record{ID: "r/full", Profile: "full", Machine: record.Machine{Accel: "kvm"}, Findings: []wire.Finding{
		{ID: "perf/pipe", Verdict: wire.Works, Numbers: map[string]float64{wire.TripX: 1, wire.MBsX: 1}},
		{ID: "perf/tcp4", Verdict: wire.Works, Numbers: numbers},
		{ID: "socket/tcp4/loopback", Verdict: wire.Works},
	}}
	speeds := Speeds([]record.Record{r})
	require.Len(t, speeds, 2)
	assert.InDelta(t, 1.0/3, speeds[0].Latency, 1e-9)
	assert.Equal(t, 2.0, speeds[0].Throughput)
	assert.False(t, speeds[0].RatiosOnly)
	r.Findings = r.Findings[:1]
	assert.Zero(t, Speeds([]record.Record{r})[0].Latency)
	var b strings.Builder
	require.NoError(t, SpeedTable(speeds).Write(&b, table.Format{}))
	assert.NotContains(t, b.String(), "emulation")
	b.Reset()
	require.NoError(t, SpeedTable(nil).Write(&b, table.Format{}))
	assert.Equal(t, "nothing was measured; netstrip bench does that\n", b.String())
}

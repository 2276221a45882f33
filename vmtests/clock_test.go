package vmtests

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/accel"
)

// The counter runs at one speed, however long it is looked at, and no processor's runs
// slower than 100 MHz or faster than 10 GHz.
func TestCounter(t *testing.T) {
	if counter() == 0 {
		t.Skip("this processor has no time stamp counter")
	}
	short, long := counterKHz(5*time.Millisecond), counterKHz(50*time.Millisecond)
	assert.InEpsilon(t, long, short, 0.005)
	assert.Greater(t, long, int64(100_000))
	assert.Less(t, long, int64(10_000_000))
	assert.Len(t, clockArgs(accel.TCG), 1)
	assert.Empty(t, clockArgs(accel.KVM), "it finds out by itself")
}

// However busy the host, a guest's clock moves by less than the 4 ms of a tick.
func TestGuestKeepsTime(t *testing.T) {
	rig := newTestRig(t)
	rig.opts.Probes = "perf/pipe"
	noNet, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	records, err := rig.Run(t.Context(), []kconfigs.Profile{noNet})
	require.NoError(t, err)
	require.Len(t, records[0].Findings, 1, records[0].Reason)
	// On an idle host a guest finds out by itself, and only this tells.
	assert.Contains(t, records[0].Machine.Command, "tsc_early_khz=")
	n := records[0].Findings[0].Numbers
	assert.Positive(t, n[wire.P50])
	assert.Less(t, n[wire.P50], 1000.0)
	assert.InDelta(t, 1, n[wire.TripX], 0.3, "a pipe against a pipe")
	log, err := os.ReadFile(filepath.Join(filepath.Dir(rig.Results()), records[0].ConsoleLog))
	require.NoError(t, err)
	assert.Contains(t, string(log), "Switched to clocksource tsc")
}

func TestMeasuresOneByOne(t *testing.T) {
	for probes, want := range map[string]int{"": 4, "lo/*": 4, "lo/*,perf/pipe": 1, "*": 1} {
		r := &Rig{opts: Options{Jobs: 4, Probes: probes}}
		assert.Equal(t, want, r.jobs(), probes)
	}
}

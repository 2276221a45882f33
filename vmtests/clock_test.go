package vmtests

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/run"
)

// The resolution of a guest's clock is finer than the 4 ms of a tick, however busy the host is.
func TestGuestKeepsTime(t *testing.T) {
	runner := newTestRunner(t, run.Options{Probes: "perf/pipe"})
	noNet, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	records, err := runner.Run(t.Context(), []kconfigs.Profile{noNet})
	require.NoError(t, err)
	require.Len(t, records[0].Findings, 1, records[0].Reason)
	// On an idle host the guest calibrates its clock by itself, so only the argument shows.
	assert.Contains(t, records[0].Machine.Command, "tsc_early_khz=")
	n := records[0].Findings[0].Numbers
	assert.Positive(t, n[wire.P50])
	assert.Less(t, n[wire.P50], 1000.0)
	assert.InDelta(t, 1, n[wire.TripX], 0.3, "a pipe against a pipe")
	log, err := os.ReadFile(filepath.Join(filepath.Dir(runner.Results()), records[0].ConsoleLog))
	require.NoError(t, err)
	assert.Contains(t, string(log), "Switched to clocksource tsc")
}

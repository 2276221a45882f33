package vmtests

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// A list of probes by name can be longer than a kernel's command line. Exactly those probes run.
func TestEveryProbeByName(t *testing.T) {
	runner := newTestRunner(t, run.Options{})
	var names []string
	for _, p := range wire.Probes() {
		if ok, err := wire.Asked(p.ID, "", false); ok && err == nil {
			names = append(names, p.ID)
		}
	}
	names = names[1:] // the list differs from the default
	list := strings.Join(names, ",")
	require.Greater(t, len(list), 2048)
	profile, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	kernels, err := runner.Build(t.Context(), []kconfigs.Profile{profile})
	require.NoError(t, err)
	rec, err := runner.Ask(t.Context(), profile, kernels[0], list)
	require.NoError(t, err)
	require.Equal(t, record.Completed, rec.Outcome, rec.Reason)
	var answered []string
	for _, f := range rec.Findings {
		answered = append(answered, f.ID)
	}
	assert.ElementsMatch(t, names, answered)
	devs, err := expect.Deviations(rec)
	require.NoError(t, err)
	assert.Empty(t, devs)
	assert.NotContains(t, rec.Machine.Command, wire.ParamProbes, "the list is in the initramfs, so the line can be pasted")

	_, err = runner.Ask(t.Context(), profile, kernels[0], "lo/*\vinit=/x")
	require.ErrorAs(t, err, &usage.Error{})
}

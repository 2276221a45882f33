package run

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/expect"
)

// A new probe can be named as soon as it is in the catalogue; nothing has to be expected of it.
func TestCheckProbes(t *testing.T) {
	known := append(wire.Probes(), wire.Probe{ID: "socket/new"})
	for _, series := range []string{"6.12", "6.1"} {
		expected, err := expect.Expected(series, "full")
		assert.NoError(t, err)
		for _, f := range expected {
			assert.NotEqual(t, "socket/new", f.ID)
		}
	}
	assert.NoError(t, checkProbes("socket/new", known, false))
	assert.NoError(t, checkProbes("perf/*,socket/n*", known, false))
	assert.NoError(t, checkProbes("", known, false))
	assert.NoError(t, checkProbes("init/lo", known, true))
	for patterns, want := range map[string]string{
		"socket/new,sockets/*": "--probes sockets/*: no such probe", "init/lo": "--probes init/lo: no such probe",
		"app/redis/unix": "--probes app/redis/unix: no such probe", "lo/[": "--probes lo/[: ", "lo/up,lo/u\v": "want printable ASCII",
	} {
		assert.ErrorContains(t, checkProbes(patterns, known, false), want)
	}
	assert.ErrorContains(t, checkProbes("socket/new", wire.Probes(), false), "no such probe")
}

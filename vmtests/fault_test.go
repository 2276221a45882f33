package vmtests

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// A guest without the virtio port, as on a kernel without PCI, still answers.
func TestFallbackChannel(t *testing.T) {
	g, _ := testGuest(t)
	g.KernelArgs = []string{"pci=off"}
	r, err := guest.Boot(t.Context(), g)
	require.NoError(t, err)
	require.Equal(t, record.Completed, r.Outcome, r.Reason)
	require.NotNil(t, r.Hello)
	assert.Equal(t, wire.FallbackTTY, r.Hello.Channel)
	assert.Len(t, r.Findings, len(r.Hello.Probes))
	assert.Empty(t, r.Notices)
}

func TestQEMUNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	assert.EqualError(t, run.Ready(""), "missing qemu-system-x86_64, setpriv, go: apt-get install qemu-system-x86 util-linux golang-go (see netstrip doctor)")
}

// Everything opened for a boot is closed if QEMU, or the program that confines it, does not start.
func TestQEMUNotStarted(t *testing.T) {
	g, _ := testGuest(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	before := takeStock(t)
	r, err := guest.Boot(t.Context(), g)
	require.NoError(t, err)
	assert.Equal(t, record.QEMUFailed, r.Outcome)
	assert.Contains(t, r.Reason, "QEMU did not start: ")
	assert.Empty(t, before.leftBehind(t))
}

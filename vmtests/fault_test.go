package vmtests

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
)

// A guest without the virtio port, as on a kernel without PCI, still answers.
func TestFallbackChannel(t *testing.T) {
	g, _ := testGuest(t)
	g.kernelArgs = []string{"pci=off"}
	r, err := boot(t.Context(), g)
	require.NoError(t, err)
	require.Equal(t, record.Completed, r.outcome, r.reason)
	require.NotNil(t, r.hello)
	assert.Equal(t, wire.FallbackTTY, r.hello.Channel)
	assert.Len(t, r.findings, len(r.hello.Probes))
	assert.Empty(t, r.notices)
}

func TestQEMUNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	assert.EqualError(t, Ready(), "missing qemu-system-x86_64, setpriv, go: apt-get install qemu-system-x86 util-linux golang-go (see netstrip doctor)")
}

// Of a machine, the line to paste and the line that is run differ only in wiring.
func TestCommandCanBePasted(t *testing.T) {
	g := guest{machine: machine{accel: "tcg", memoryMiB: 64, kernelArgs: []string{"a=b c"}}, kernel: "/k/it's", image: "/i"}
	line := g.command()
	assert.True(t, strings.HasPrefix(line, "qemu-system-x86_64 -sandbox on"), line)
	assert.Contains(t, line, `-kernel '/k/it'\''s' -initrd /i`)
	assert.Contains(t, line, `-append 'console=ttyS0 panic=-1 reboot=t tsc=reliable no_timer_check nbd.nbds_max=1 a=b c'`)
	assert.NotContains(t, line, "/proc/self/fd")
}

// QEMU takes a comma in a path for the end of it unless it is doubled.
func TestDiskWithAComma(t *testing.T) {
	g := guest{machine: machine{accel: "tcg", memoryMiB: 64, disk: "/srv/a,b/disk"}, kernel: "/k", image: "/i"}
	assert.Contains(t, g.command(), "filename=/srv/a,,b/disk,read-only=on")
}

// What is opened for a boot is closed when QEMU, or what confines it, does not start.
func TestQEMUNotStarted(t *testing.T) {
	g, _ := testGuest(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	before := takeStock(t)
	r, err := boot(t.Context(), g)
	require.NoError(t, err)
	assert.Equal(t, record.QEMUFailed, r.outcome)
	assert.Contains(t, r.reason, "QEMU did not start: ")
	assert.Empty(t, before.leftBehind(t))
}

package vmtests

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// A riscv64 kernel that prints nothing is silent, although OpenSBI prints some forty lines
// before it.
func TestSilentBehindFirmware(t *testing.T) {
	if testing.Short() && os.Getenv(requireVM) == "" {
		t.Skip("-short: NO GUEST IS BOOTED; run: make test")
	}
	riscv, err := arch.Parse("riscv64")
	require.NoError(t, err)
	orSkip(t, run.Ready(riscv.Name))
	qemu, err := exec.LookPath(riscv.QEMU)
	require.NoError(t, err)

	// An Image (Documentation/arch/riscv/boot-image-header.rst) whose first instruction jumps to
	// itself.
	image := make([]byte, 4096)
	binary.LittleEndian.PutUint32(image, 0x0000006f)
	binary.LittleEndian.PutUint64(image[8:], 2<<20) // where it is loaded
	binary.LittleEndian.PutUint64(image[16:], uint64(len(image)))
	binary.LittleEndian.PutUint32(image[32:], 2) // the version of the header
	copy(image[48:], "RISCV")
	copy(image[56:], "RSC\x05")
	kernel := filepath.Join(t.TempDir(), "Image")
	require.NoError(t, os.WriteFile(kernel, image, 0o644))
	initramfs := filepath.Join(t.TempDir(), "initramfs")
	empty := "070701" + strings.Repeat("0", 8*11) + "0000000b" + "00000000" + "TRAILER!!!\x00" + "\x00\x00\x00"
	require.NoError(t, os.WriteFile(initramfs, []byte(empty), 0o644))

	limits := guest.LimitsFor(accel.TCG)
	limits.Silent = 10 * time.Second
	var reached []guest.Milestone
	res, err := guest.Boot(t.Context(), guest.Guest{
		Arch: riscv, Accel: accel.TCG, MemoryMiB: 128, QEMU: qemu, Kernel: kernel, Image: initramfs, Limits: limits,
		Reached: func(m guest.Milestone, _ int) { reached = append(reached, m) },
	})
	require.NoError(t, err)
	assert.Equal(t, record.Silent, res.Outcome, res.Reason)
	assert.Regexp(t, `^the firmware \(OpenSBI\) printed \d+ lines; the kernel none, and there was no event in 10s$`, res.Reason)
	assert.Equal(t, []guest.Milestone{guest.Started}, reached)
	assert.Zero(t, res.Phases.FirstByte)
	assert.Empty(t, res.Notices)
}

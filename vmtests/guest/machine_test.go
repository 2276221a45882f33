package guest

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The line to paste has no descriptors, and is quoted for a shell.
func TestCommandCanBePasted(t *testing.T) {
	g := Guest{Accel: "tcg", MemoryMiB: 64, KernelArgs: []string{"a=b c"}, Kernel: "/k/it's", Image: "/i"}
	line := g.Command()
	assert.True(t, strings.HasPrefix(line, "qemu-system-x86_64 -sandbox on"), line)
	assert.Contains(t, line, `-kernel '/k/it'\''s' -initrd /i`)
	assert.Contains(t, line, `-append 'console=ttyS0 panic=-1 reboot=t tsc=reliable no_timer_check nbd.nbds_max=1 a=b c'`)
	assert.NotContains(t, line, "/proc/self/fd")
}

// Only a session has a port of its own, and the parameter that makes the guest use it.
func TestSessionPort(t *testing.T) {
	g := Guest{Accel: "tcg", MemoryMiB: 64, Kernel: "/k", Image: "/i"}
	assert.NotContains(t, g.Command(), "session")
	g.Session = func(io.ReadWriter) {}
	assert.Contains(t, g.Command(), "-chardev null,id=session -device virtserialport,chardev=session,name=netstrip.session -kernel")
	assert.Contains(t, g.Command(), " netstrip.session=on")
}

// QEMU ends a path at a comma unless it is doubled.
func TestDiskWithAComma(t *testing.T) {
	g := Guest{Accel: "tcg", MemoryMiB: 64, Disk: "/srv/a,b/disk", Kernel: "/k", Image: "/i"}
	assert.Contains(t, g.Command(), "filename=/srv/a,,b/disk,read-only=on")
}

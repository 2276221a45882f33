package vmtests

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/record"
)

// testGuest gives a guest without networking that boots well as it is.
func testGuest(t *testing.T) guest {
	t.Helper()
	rig := newTestRig(t)
	profile, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	kernels, err := rig.Build(t.Context(), []kconfigs.Profile{profile})
	require.NoError(t, err)
	image, err := initramfs.Build(t.Context(), initramfs.Options{Cache: rig.cache})
	require.NoError(t, err)
	qemu, err := qemuPath()
	require.NoError(t, err)
	return guest{
		machine: machine{accel: accel.TCG, memoryMiB: 256},
		qemu:    qemu, kernel: kernels[0].Image, image: image.Path,
		limits: limitsFor(accel.TCG),
	}
}

// cut gives a copy of a file that ends after the given part of it.
func cut(t *testing.T, path string, part float64) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), filepath.Base(path))
	require.NoError(t, os.WriteFile(out, data[:int(float64(len(data))*part)], 0o644))
	return out
}

func TestGuestFaults(t *testing.T) {
	good := testGuest(t)
	for _, tc := range []struct {
		name   string
		change func(*testing.T, *guest)
		want   record.Outcome
		reason string
	}{
		{"nothing wrong", func(*testing.T, *guest) {}, record.Completed, ""},
		{"init missing", func(_ *testing.T, g *guest) { g.kernelArgs = []string{"rdinit=/none"} },
			record.InitFailed, "No working init found"},
		{"init leaves", func(_ *testing.T, g *guest) { g.kernelArgs = []string{"rdinit=/bbin/none", "init=/etc/hosts"} },
			record.InitFailed, "init"},
		{"too little memory", func(_ *testing.T, g *guest) { g.memoryMiB = 36 },
			record.Panicked, "System is deadlocked on memory"},
		{"initramfs cut", func(t *testing.T, g *guest) { g.image = cut(t, g.image, 0.5) },
			record.InitFailed, ""},
		{"kernel cut", func(t *testing.T, g *guest) { g.kernel = cut(t, g.kernel, 0.7) },
			record.Silent, ""},
		{"kernel is no kernel", func(t *testing.T, g *guest) { g.kernel = g.image },
			record.QEMUFailed, "kernel"},
		{"kernel not there", func(t *testing.T, g *guest) { g.kernel = filepath.Join(t.TempDir(), "none") },
			record.ImageFailed, "no such file"},
		{"QEMU does not take the machine", func(_ *testing.T, g *guest) { g.memoryMiB = -1 },
			record.QEMUFailed, "QEMU ended with status 1"},
		{"QEMU not there", func(_ *testing.T, g *guest) { g.qemu = "/none/qemu" },
			record.QEMUFailed, "/none/qemu"},
		{"silent", func(_ *testing.T, g *guest) {
			g.kernelArgs = []string{"console=none"}
			g.limits.silent, g.limits.stuck = time.Nanosecond, time.Nanosecond
		}, record.Silent, "no console byte and no event"},
		{"late", func(_ *testing.T, g *guest) { g.limits.total = 600 * time.Millisecond },
			record.TimedOut, "not to an end in time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := good
			tc.change(t, &g)
			r, err := boot(t.Context(), g)
			require.NoError(t, err)
			assert.Equal(t, tc.want, r.outcome, r.reason)
			assert.Contains(t, r.reason, tc.reason)
		})
	}
}

// A guest without the virtio port, as on a kernel without PCI, still answers.
func TestFallbackChannel(t *testing.T) {
	g := testGuest(t)
	g.kernelArgs = []string{"pci=off"}
	r, err := boot(t.Context(), g)
	require.NoError(t, err)
	require.Equal(t, record.Completed, r.outcome, r.reason)
	require.NotNil(t, r.hello)
	assert.Equal(t, wire.FallbackTTY, r.hello.Channel)
	assert.Len(t, r.findings, len(r.hello.Probes))
	assert.Empty(t, r.notices)
}

// A kernel is never blamed for a QEMU that somebody killed.
func TestQEMUKilled(t *testing.T) {
	g := testGuest(t)
	before := qemuChildren(t)
	go func() {
		assert.Eventually(t, func() bool {
			for pid := range qemuChildren(t) {
				if !before[pid] {
					return syscall.Kill(pid, syscall.SIGKILL) == nil
				}
			}
			return false
		}, 10*time.Second, 10*time.Millisecond)
	}()
	r, err := boot(t.Context(), g)
	require.NoError(t, err)
	assert.Equal(t, record.QEMUFailed, r.outcome)
	assert.Equal(t, "QEMU was killed by SIGKILL, which netstrip did not send", r.reason)
}

// qemuChildren are the QEMU processes that this process has started.
func qemuChildren(t *testing.T) map[int]bool {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	out := map[int]bool{}
	for _, list := range lists {
		data, _ := os.ReadFile(list) // the thread may have ended
		for _, field := range strings.Fields(string(data)) {
			comm, _ := os.ReadFile("/proc/" + field + "/comm")
			if pid, err := strconv.Atoi(field); err == nil && strings.HasPrefix(string(comm), "qemu") {
				out[pid] = true
			}
		}
	}
	return out
}

func TestQEMUNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := qemuPath()
	assert.EqualError(t, err, "qemu-system-x86_64 is not in PATH: install Debian's package qemu-system-x86")
}

// Of a machine, the line to paste and the line that is run differ only in wiring.
func TestCommandCanBePasted(t *testing.T) {
	g := guest{machine: machine{accel: "tcg", memoryMiB: 64, kernelArgs: []string{"a=b c"}}, kernel: "/k/it's", image: "/i"}
	line := g.command()
	assert.True(t, strings.HasPrefix(line, "qemu-system-x86_64 -sandbox on"), line)
	assert.Contains(t, line, `-kernel '/k/it'\''s' -initrd /i`)
	assert.Contains(t, line, `-append 'console=ttyS0 panic=-1 reboot=t tsc=reliable a=b c'`)
	assert.NotContains(t, line, "/proc/self/fd")
}

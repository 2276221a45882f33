//go:build linux

package pid1

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/wire"
)

func TestProbes(t *testing.T) {
	dir := t.TempDir()
	assert.Empty(t, Probes("", dir), "an ordinary boot is asked nothing more")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lo"), []byte("0\n\n"), 0o600))
	ids := map[string]bool{}
	form := regexp.MustCompile(`^init(/[a-z.-]+)+$`)
	for _, p := range append(Probes("systemd", dir), Probes("busybox", dir)...) {
		ids[p.ID] = true
		assert.Regexp(t, form, p.ID)
		assert.NotNil(t, p.Ask)
		assert.Equal(t, wire.InitFamily, p.Family())
	}
	assert.True(t, ids["init/step/lo"] && ids["init/process"] && ids["init/dbus"])
	for _, p := range Probes("u-root", filepath.Join(dir, "none")) {
		assert.NotContains(t, p.ID, "step")
		assert.NotContains(t, p.ID, "unit")
	}
}

// The corpus is output of busybox's programs in guests.
func TestStep(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]wire.Finding{
		"0\n\n": {Verdict: wire.Works, Call: "step"},
		"0\nPING 127.0.0.1\n1 packets received\n": {Verdict: wire.Works, Call: "step", Detail: "PING 127.0.0.1\n1 packets received"},
		"1\nifconfig: socket: Function not implemented\n": {Verdict: wire.Absent, Errno: "ENOSYS", Call: "step",
			Detail: "step: exit status 1: ifconfig: socket: Function not implemented"},
		"1\nsyslogd: socket: Address family not supported by protocol\n": {Verdict: wire.Absent, Errno: "EAFNOSUPPORT", Call: "step",
			Detail: "step: exit status 1: syslogd: socket: Address family not supported by protocol"},
		"2\ngrep: /var/log/messages: No such file or directory\n": {Verdict: wire.Absent, Errno: "ENOENT", Call: "step",
			Detail: "step: exit status 2: grep: /var/log/messages: No such file or directory"},
		"143\n\n": {Verdict: wire.Absent, Call: "step", Detail: "step: exit status 143: "},
	} {
		file := filepath.Join(dir, "step")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		a, err := step(file)
		assert.Equal(t, want, a.Finding(err), "%q", text)
	}
	_, err := step(filepath.Join(dir, "gone"))
	assert.Equal(t, wire.Inconclusive, probes.Answer{}.Finding(err).Verdict, "what was not tried is not known")
}

func TestErrnoIn(t *testing.T) {
	assert.Equal(t, unix.ENOSYS, errnoIn("mdev: socket: Function not implemented"))
	assert.Equal(t, unix.EAFNOSUPPORT, errnoIn("Failed: Address family not supported by protocol"))
	assert.NoError(t, errnoIn("exit status 1"))
	assert.NoError(t, errnoIn(""))
}

// These work on any host: process 1 has a name, and proc is mounted.
func TestInitOnHost(t *testing.T) {
	a, err := process(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, a.Value)
	a, err = mounts(t.Context())
	require.NoError(t, err)
	assert.Regexp(t, `(^|,)proc(,|$)`, a.Value)
	assert.NotContains(t, a.Value, "rootfs")
}

//go:build linux

package probes

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
)

func TestFinding(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want wire.Finding
	}{
		"works": {nil, wire.Finding{Verdict: wire.Works, Call: "call", Value: "1"}},
		"an errno that says it": {
			Try("socket", unix.ENOSYS, unix.ENOSYS, unix.EAFNOSUPPORT),
			wire.Finding{Verdict: wire.Absent, Errno: "ENOSYS", Call: "socket", Detail: "socket: function not implemented"},
		},
		"the same, wrapped": {
			fmt.Errorf("in between: %w", Try("socket", unix.EAFNOSUPPORT, unix.EAFNOSUPPORT)),
			wire.Finding{Verdict: wire.Absent, Errno: "EAFNOSUPPORT", Call: "socket", Detail: "in between: socket: address family not supported by protocol"},
		},
		"an errno that says nothing": {
			Try("socket", unix.EPERM, unix.ENOSYS),
			wire.Finding{Verdict: wire.Inconclusive, Errno: "EPERM", Call: "socket", Detail: "socket: operation not permitted"},
		},
		"a wrong answer": {
			Wrong("read", "got %d", 3),
			wire.Finding{Verdict: wire.Inconclusive, Call: "read", Detail: "read: got 3"},
		},
		"the kernel's own name": {
			Try("x", unix.EOPNOTSUPP),
			wire.Finding{Verdict: wire.Inconclusive, Errno: "EOPNOTSUPP", Call: "x", Detail: "x: operation not supported"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, Answer{Call: "call", Value: "1"}.Finding(tc.err))
		})
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	assert.NoError(t, os.WriteFile(filepath.Join(dir, "there"), []byte("1\n"), 0o600))
	text, err := ReadFile(dir, "there")
	assert.NoError(t, err)
	assert.Equal(t, "1\n", text)

	_, err = ReadFile(dir, "gone")
	assert.Equal(t, wire.Absent, Answer{}.Finding(err).Verdict)
	// Without the directory, a missing file proves nothing.
	_, err = ReadFile(filepath.Join(dir, "unmounted"), "gone")
	assert.Equal(t, wire.Inconclusive, Answer{}.Finding(err).Verdict)
}

// A failed call within another keeps its own name.
func TestTryKeepsTheFirstCall(t *testing.T) {
	f := Answer{}.Finding(Try("outer", Try("inner", unix.ENOSYS, unix.ENOSYS)))
	assert.Equal(t, "inner", f.Call)
	assert.Equal(t, "inner: function not implemented", f.Detail)
	assert.Equal(t, "EADDRNOTAVAIL", Answer{}.Finding(GoneAs(Try("bind", unix.EADDRNOTAVAIL), unix.EADDRNOTAVAIL)).Errno)
	assert.EqualValues(t, "absent", Answer{}.Finding(GoneAs(Try("bind", unix.EADDRNOTAVAIL), unix.EADDRNOTAVAIL)).Verdict)
	assert.EqualValues(t, "inconclusive", Answer{}.Finding(GoneAs(Try("bind", unix.EPERM), unix.EADDRNOTAVAIL)).Verdict)
}

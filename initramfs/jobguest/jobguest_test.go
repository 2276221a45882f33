//go:build linux

package jobguest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/trace"
	"github.com/netstrip/netstrip/initramfs/wire"
)

func TestExit(t *testing.T) {
	for want, r := range map[wire.Exit]report{
		{Code: 3}:                              {PID: 2, Ended: true, Status: 3 << 8},
		{}:                                     {PID: 2, Ended: true},
		{Code: 139, Signal: "SIGSEGV"}:         {PID: 2, Ended: true, Status: uint32(unix.SIGSEGV)},
		{Code: 137, Signal: "SIGKILL"}:         {PID: 2},
		{Code: 127, Unstarted: "no such file"}: {Code: 127, Why: "no such file"},
	} {
		assert.Equal(t, want, r.exit())
	}
}

func TestFinding(t *testing.T) {
	call := decision{trace.Call{Text: "socket(AF_UNIX)", Errno: unix.ENOSYS}, true}
	for _, tc := range []struct {
		exit wire.Exit
		d    decision
		want wire.Finding
	}{
		{wire.Exit{Said: "fine"}, decision{}, wire.Finding{Verdict: wire.Works, Detail: "exit status 0"}},
		{wire.Exit{Code: 3}, decision{}, wire.Finding{Verdict: wire.Inconclusive, Value: "exit status 3"}},
		{wire.Exit{Code: 3, Said: "no"}, call, wire.Finding{Verdict: wire.Absent, Value: "exit status 3", Detail: "it said: no", Call: "socket(AF_UNIX)", Errno: "ENOSYS"}},
		{wire.Exit{Code: 137, Signal: "SIGKILL"}, decision{}, wire.Finding{Verdict: wire.Inconclusive, Detail: "killed by SIGKILL"}},
		{wire.Exit{Code: 124, Limit: "late", Said: "x"}, decision{}, wire.Finding{Verdict: wire.Inconclusive, Detail: "late; it said: x"}},
	} {
		got := finding(tc.exit, tc.d)
		assert.Equal(t, tc.exit.Code, got.Exit.Code)
		got.Exit = nil
		assert.Equal(t, tc.want, got)
	}
}

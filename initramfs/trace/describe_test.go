//go:build linux

package trace

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// perl traces a Perl script that makes system calls by their names. Every Debian has Perl,
// and its syscall function needs no C library wrapper. Strings must be in variables.
func perl(t *testing.T, code string) []Call {
	t.Helper()
	for nr, name := range names() {
		code = strings.ReplaceAll(code, "syscall "+name+",", fmt.Sprintf("syscall %d,", nr))
	}
	path, err := exec.LookPath("perl")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	calls, err := Run(ctx, exec.Command(path, "-e", code), false)
	require.NoError(t, err)
	require.NoError(t, ctx.Err())
	return calls
}

// Calls that take their arguments in memory, or a path relative to a directory, are
// described like their older counterparts and concern the network in the same cases.
func TestNewerCalls(t *testing.T) {
	const how = `$how = pack "Q3", 0, 0, 0; ` // struct open_how
	for code, want := range map[string]Call{
		// CLONE_NEWNET with CLONE_FS and CLONE_NEWNS, which exclude each other.
		`$a = pack "Q8", 0x40020200, 0, 0, 0, 17, 0, 0, 0; syscall clone3, $a, 64`: {Text: "clone3(CLONE_NEWNET)", Errno: unix.EINVAL, network: true},
		`$a = pack "Q8", 0x00020200, 0, 0, 0, 17, 0, 0, 0; syscall clone3, $a, 64`: {Text: "clone3", Errno: unix.EINVAL},
		`syscall clone3, 0, 64`: {Text: "clone3", Errno: unix.EFAULT},
		how + `$p = "/proc/self/ns/nett"; syscall openat2, -100, $p, $how, 24`:                    {Text: `openat2("/proc/self/ns/nett")`, Errno: unix.ENOENT, network: true},
		how + `$p = "/etc/nothing"; syscall openat2, -100, $p, $how, 24`:                          {Text: `openat2("/etc/nothing")`, Errno: unix.ENOENT},
		how + `opendir D, "/proc/self"; $p = "ns/nett"; syscall openat2, fileno(D), $p, $how, 24`: {Text: `openat2("ns/nett")`, Errno: unix.ENOENT, network: true},
		how + `opendir D, "/etc"; $p = "ns/nett"; syscall openat2, fileno(D), $p, $how, 24`:       {Text: `openat2("ns/nett")`, Errno: unix.ENOENT},
		`chdir "/proc/self"; open F, "net/nothing"`:                                               {Text: `openat("net/nothing")`, Errno: unix.ENOENT, network: true},
		`chdir "/etc"; open F, "net/nothing"`:                                                     {Text: `openat("net/nothing")`, Errno: unix.ENOENT},
		`open F, "/proc/thread-self/ns/nett"`:                                                     {Text: `openat("/proc/thread-self/ns/nett")`, Errno: unix.ENOENT, network: true},
		`open F, "/usr/share/ns/nett"`:                                                            {Text: `openat("/usr/share/ns/nett")`, Errno: unix.ENOENT},
		`chdir "/proc/1"; open F, "net/nothing"`:                                                  {Text: `openat("net/nothing")`, Errno: unix.ENOENT, network: true},
		`$b = "\0" x 256; $p = "/sys/class/net/nothing"; syscall statx, -100, $p, 0, 0, $b`:       {Text: `statx("/sys/class/net/nothing")`, Errno: unix.ENOENT, network: true},
		`$p = "/proc/net/nothing"; syscall faccessat2, -100, $p, 0, 0`:                            {Text: `faccessat2("/proc/net/nothing")`, Errno: unix.ENOENT, network: true},
		`$p = "/sys/class/net/nothing"; syscall chdir, $p`:                                        {Text: `chdir("/sys/class/net/nothing")`, Errno: unix.ENOENT, network: true},
		`$p = "/proc/self/ns/nett"; $q = "/"; syscall mount, $p, $q, 0, 4096, 0`:                  {Text: `mount("/proc/self/ns/nett")`, Errno: unix.ENOENT, network: true},
		`$p = "none"; $q = "/"; $r = "nothing"; syscall mount, $p, $q, $r, 0, 0`:                  {Text: `mount("nothing")`, Errno: unix.ENODEV},
		`$p = "/proc/self/ns/nett"; syscall open_tree, -100, $p, 0`:                               {Text: `open_tree("/proc/self/ns/nett")`, Errno: unix.ENOENT, network: true},
		`$p = "nothing"; syscall fsopen, $p, 0`:                                                   {Text: `fsopen("nothing")`, Errno: unix.ENODEV},
		// A non-blocking connect, and its result.
		`use Socket; socket S, AF_INET, SOCK_STREAM|2048, 0; connect S, pack_sockaddr_in(1, INADDR_LOOPBACK); select undef, undef, undef, 0.1; getsockopt S, SOL_SOCKET, SO_ERROR`: {Text: "getsockopt(SOL_SOCKET, SO_ERROR)", Errno: unix.ECONNREFUSED, network: true},
		`syscall recvmmsg, 0, 0, 0, 0, 0`: {Text: "recvmmsg", Errno: unix.ENOTSOCK, network: true},
		`syscall sendmmsg, 0, 0, 0, 0`:    {Text: "sendmmsg", Errno: unix.ENOTSOCK, network: true},
	} {
		t.Run(code, func(t *testing.T) {
			begin, _, _ := strings.Cut(want.Text, "(")
			var got []Call
			for _, c := range perl(t, code) {
				c.Command = 0
				if os.Geteuid() != 0 && c.Errno == unix.EPERM {
					c.Errno = want.Errno // what mounts asks for privilege first
				}
				if c == want {
					return
				}
				if strings.HasPrefix(c.Text, begin) {
					got = append(got, c)
				}
			}
			assert.Fail(t, "not there", "want %+v, got %+v", want, got)
		})
	}
}

// A handler's return is not a call of the program, although the register of the return value holds
// the error of the call that the signal interrupted.
func TestSignalReturn(t *testing.T) {
	got := failing(perl(t, `$SIG{PIPE} = sub {}; pipe R, W; close R; syswrite W, "x"`))
	assert.Contains(t, got, "write EPIPE")
	assert.NotContains(t, got, "rt_sigreturn EPIPE")
}

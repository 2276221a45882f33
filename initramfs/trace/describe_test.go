//go:build linux && amd64

package trace

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// perl returns a Perl script that makes one system call by its number. Every Debian has
// Perl, and its syscall function needs no C library wrapper. Strings must be in variables.
func perl(t *testing.T, code string) []Call {
	t.Helper()
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
		`$a = pack "Q8", 0x40020200, 0, 0, 0, 17, 0, 0, 0; syscall 435, $a, 64`: {Text: "clone3(CLONE_NEWNET)", Errno: unix.EINVAL, network: true},
		`$a = pack "Q8", 0x00020200, 0, 0, 0, 17, 0, 0, 0; syscall 435, $a, 64`: {Text: "clone3", Errno: unix.EINVAL},
		`syscall 435, 0, 64`: {Text: "clone3", Errno: unix.EFAULT},
		how + `$p = "/proc/self/ns/nett"; syscall 437, -100, $p, $how, 24`:                    {Text: `openat2("/proc/self/ns/nett")`, Errno: unix.ENOENT, network: true},
		how + `$p = "/etc/nothing"; syscall 437, -100, $p, $how, 24`:                          {Text: `openat2("/etc/nothing")`, Errno: unix.ENOENT},
		how + `opendir D, "/proc/self"; $p = "ns/nett"; syscall 437, fileno(D), $p, $how, 24`: {Text: `openat2("ns/nett")`, Errno: unix.ENOENT, network: true},
		how + `opendir D, "/etc"; $p = "ns/nett"; syscall 437, fileno(D), $p, $how, 24`:       {Text: `openat2("ns/nett")`, Errno: unix.ENOENT},
		`chdir "/proc/self"; open F, "net/nothing"`:                                           {Text: `openat("net/nothing")`, Errno: unix.ENOENT, network: true},
		`chdir "/etc"; open F, "net/nothing"`:                                                 {Text: `openat("net/nothing")`, Errno: unix.ENOENT},
		`open F, "/proc/thread-self/ns/nett"`:                                                 {Text: `openat("/proc/thread-self/ns/nett")`, Errno: unix.ENOENT, network: true},
		`open F, "/usr/share/ns/nett"`:                                                        {Text: `openat("/usr/share/ns/nett")`, Errno: unix.ENOENT},
		`chdir "/proc/1"; open F, "net/nothing"`:                                              {Text: `openat("net/nothing")`, Errno: unix.ENOENT, network: true},
		`$b = "\0" x 256; $p = "/sys/class/net/nothing"; syscall 332, -100, $p, 0, 0, $b`:     {Text: `statx("/sys/class/net/nothing")`, Errno: unix.ENOENT, network: true},
		`$p = "/proc/net/nothing"; syscall 439, -100, $p, 0, 0`:                               {Text: `faccessat2("/proc/net/nothing")`, Errno: unix.ENOENT, network: true},
		`$p = "/sys/class/net/nothing"; syscall 80, $p`:                                       {Text: `chdir("/sys/class/net/nothing")`, Errno: unix.ENOENT, network: true},
		`$p = "/proc/self/ns/nett"; $q = "/"; syscall 165, $p, $q, 0, 4096, 0`:                {Text: `mount("/proc/self/ns/nett")`, Errno: unix.ENOENT, network: true},
		`$p = "none"; $q = "/"; $r = "nothing"; syscall 165, $p, $q, $r, 0, 0`:                {Text: `mount("nothing")`, Errno: unix.ENODEV},
		`$p = "/proc/self/ns/nett"; syscall 428, -100, $p, 0`:                                 {Text: `open_tree("/proc/self/ns/nett")`, Errno: unix.ENOENT, network: true},
		`$p = "nothing"; syscall 430, $p, 0`:                                                  {Text: `fsopen("nothing")`, Errno: unix.ENODEV},
		// A non-blocking connect, and its result.
		`use Socket; socket S, AF_INET, SOCK_STREAM|2048, 0; connect S, pack_sockaddr_in(1, INADDR_LOOPBACK); select undef, undef, undef, 0.1; getsockopt S, SOL_SOCKET, SO_ERROR`: {Text: "getsockopt(SOL_SOCKET, SO_ERROR)", Errno: unix.ECONNREFUSED, network: true},
		`syscall 299, 0, 0, 0, 0, 0`: {Text: "recvmmsg", Errno: unix.ENOTSOCK, network: true},
		`syscall 307, 0, 0, 0, 0`:    {Text: "sendmmsg", Errno: unix.ENOTSOCK, network: true},
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

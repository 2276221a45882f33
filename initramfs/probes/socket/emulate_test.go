//go:build linux

package socket

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes/sock"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// emulateEnv makes the test binary run the socket probes as on a kernel that lacks something,
// and print their findings.
const emulateEnv = "NETSTRIP_TEST_EMULATE"

// emulations say which error socket(2) and socketpair(2) return for which families. A seccomp
// filter returns them like a kernel without these families.
func emulations() map[string]emulation {
	return map[string]emulation{
		"as-is":     {},
		"no-net":    {errno: unix.ENOSYS, every: true},
		"no-inet":   {errno: unix.EAFNOSUPPORT, families: []uint32{unix.AF_INET, unix.AF_INET6}},
		"no-ipv6":   {errno: unix.EAFNOSUPPORT, families: []uint32{unix.AF_INET6}},
		"no-unix":   {errno: unix.EAFNOSUPPORT, families: []uint32{unix.AF_UNIX}},
		"no-packet": {errno: unix.EAFNOSUPPORT, families: []uint32{unix.AF_PACKET}},
		// An error that says nothing about the kernel.
		"forbidden": {errno: unix.EACCES, every: true},
	}
}

type emulation struct {
	errno    syscall.Errno
	every    bool
	families []uint32
}

func TestMain(m *testing.M) {
	if name := os.Getenv(emulateEnv); name != "" {
		if err := emulate(emulations()[name]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// emulate runs the socket probes under e.
func emulate(e emulation) error {
	runtime.LockOSThread() // it passes the filter to all other threads
	if e.errno != 0 {
		if err := filterSockets(e); err != nil {
			return err
		}
	}
	for _, p := range Probes() {
		line, err := json.Marshal(p.Run(context.Background()))
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return nil
}

// filterSockets makes socket and socketpair return e's error for e's families. The filter's
// input has the number of the call at byte 0 and the first argument at byte 16 (struct
// seccomp_data).
func filterSockets(e emulation) error {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	equal := func(k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	deny := ret(unix.SECCOMP_RET_ERRNO | uint32(e.errno))
	allow := ret(unix.SECCOMP_RET_ALLOW)
	program := []unix.SockFilter{load(0), equal(unix.SYS_SOCKET, 2, 0), equal(unix.SYS_SOCKETPAIR, 1, 0), allow}
	if e.every {
		program = append(program, deny)
	} else {
		program = append(program, load(16))
		for _, family := range e.families {
			program = append(program, equal(family, 0, 1), deny)
		}
		program = append(program, allow)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return fmt.Errorf("setting the seccomp filter: %w", errno)
	}
	return nil
}

func runEmulated(t *testing.T, name string) map[string]wire.Finding {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), emulateEnv+"="+name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	findings := map[string]wire.Finding{}
	for line := range strings.Lines(string(out)) {
		var f wire.Finding
		require.NoError(t, json.Unmarshal([]byte(line), &f), line)
		findings[f.ID] = f
	}
	return findings
}

// Without its family, every socket probe is absent with the right call and errno; without
// another family, its finding does not change.
func TestAbsentWhenEmulated(t *testing.T) {
	asIs := runEmulated(t, "as-is")
	absent := map[string]bool{}
	var b strings.Builder
	for _, name := range []string{"no-net", "no-inet", "no-ipv6", "no-unix", "no-packet"} {
		findings := runEmulated(t, name)
		require.Len(t, findings, len(asIs))
		for _, p := range Probes() {
			f := findings[p.ID]
			if gone(emulations()[name], f.Call) {
				fmt.Fprintf(&b, "%-9s  %-24s  %s  %s  %s\n", name, f.ID, f.Verdict, f.Errno, f.Call)
				absent[p.ID] = true
				continue
			}
			assert.Equal(t, asIs[p.ID].Verdict, f.Verdict, "%s on %s: %+v", p.ID, name, f)
		}
	}
	golden(t, "testdata/emulated.golden", b.String())
	assert.Len(t, absent, len(asIs), "a probe that never says no")
}

// gone reports whether a call that e answers decided.
func gone(e emulation, call string) bool {
	for _, family := range []uint32{unix.AF_INET, unix.AF_INET6, unix.AF_UNIX, unix.AF_PACKET, unix.AF_NETLINK} {
		hit := e.every
		for _, f := range e.families {
			hit = hit || f == family
		}
		name := strings.TrimSuffix(strings.TrimPrefix(sock.Call("", int(family), 0), "("), ", )")
		if hit && strings.HasPrefix(call, "socket") && strings.Contains(call, "("+name+",") {
			return true
		}
	}
	return false
}

func TestForbiddenIsInconclusive(t *testing.T) {
	for id, f := range runEmulated(t, "forbidden") {
		assert.Equal(t, wire.Inconclusive, f.Verdict, "%+v", f)
		assert.Equal(t, "EACCES", f.Errno, id)
	}
}

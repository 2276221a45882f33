//go:build linux

package kernel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// seccompStrict checks how a child ended. A child that exits was not stopped by strict mode.
func seccompStrict(context.Context) (probes.Answer, error) {
	const call = "prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)"
	pid, errno := strictChild()
	if errno != 0 {
		return probes.Answer{}, probes.Try("clone", errno)
	}
	var status unix.WaitStatus
	if _, err := probes.Again(func() (int, error) { return unix.Wait4(int(pid), &status, 0, nil) }); err != nil {
		return probes.Answer{}, probes.Try("wait4", err)
	}
	if status.Exited() {
		// prctl returns EINVAL for a mode that is not in the kernel (kernel/seccomp.c:2115).
		return probes.Answer{}, probes.Try(call, syscall.Errno(status.ExitStatus()), unix.EINVAL)
	}
	if status.Signal() != unix.SIGKILL {
		return probes.Answer{}, probes.Wrong(call, "the child was killed by %v, want SIGKILL", status.Signal())
	}
	return probes.Answer{Call: call, Detail: "a child in strict mode called getpid and was killed"}, nil
}

// strictChild forks a child that enters strict mode and then makes a forbidden call. The child
// exits with the errno that kept it from strict mode, or the kernel kills it. It has only this
// one thread of the Go runtime, so it must not call into that.
//
//go:norace
//go:nosplit
func strictChild() (pid uintptr, errno syscall.Errno) {
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid != 0 || errno != 0 {
		return pid, errno
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_STRICT, 0)
	syscall.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
	for {
		syscall.RawSyscall(unix.SYS_EXIT, uintptr(errno), 0, 0)
	}
}

// seccompFilter makes a filter refuse getppid(2), which never fails otherwise, with EDOM.
// Filters are BPF programs and need the network: SECCOMP_FILTER depends on NET
// (arch/Kconfig:611), and without it the mode returns EINVAL.
func seccompFilter(context.Context) (probes.Answer, error) {
	const call = "seccomp(SECCOMP_SET_MODE_FILTER)"
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the system call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_GETPPID, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EDOM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	err := netdev.OnThread(func() error {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return probes.Try("prctl(PR_SET_NO_NEW_PRIVS)", err)
		}
		_, err := probes.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(filter)))
		if err != nil {
			return probes.Try(call, err, unix.ENOSYS, unix.EINVAL)
		}
		if _, err := probes.Syscall(unix.SYS_GETPPID); err != unix.EDOM {
			return probes.Wrong(call, "the call that it had to refuse returned %v", err)
		}
		return nil
	})
	return probes.Answer{Call: call, Detail: "the filter refused the system call"}, err
}

// landlockRules creates a ruleset. An older kernel returns E2BIG for an attribute that is too
// long, EINVAL for a right that it does not know (security/landlock/syscalls.c:197).
func landlockRules(attr unix.LandlockRulesetAttr) (int, error) {
	const files, ports = 8, 16 // bytes of attr; later kernels have more
	size := uintptr(files)
	if attr.Handled_access_net != 0 {
		size = ports
	}
	fd, err := probes.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	return fd, probes.Try("landlock_create_ruleset", err, unix.ENOSYS, unix.EOPNOTSUPP, unix.E2BIG, unix.EINVAL)
}

// landlocked restricts the calling thread, which must be one of netdev.OnThread's.
func landlocked(rules int) error {
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		_, err = probes.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(rules), 0)
	}
	return probes.Try("landlock_restrict_self", err)
}

func landlockFiles(dir string) (probes.Answer, error) {
	version, err := probes.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if err != nil {
		return probes.Answer{}, probes.Try("landlock_create_ruleset", err, unix.ENOSYS, unix.EOPNOTSUPP)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return probes.Answer{}, probes.Try("open", err)
	}
	rules, err := landlockRules(unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_READ_FILE})
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(rules)
	a := probes.Answer{
		Call: "landlock_restrict_self", Errno: unix.EACCES, Value: "ABI " + strconv.Itoa(version),
		Detail: "a thread could not read its own file",
	}
	return a, netdev.OnThread(func() error {
		if err := landlocked(rules); err != nil {
			return err
		}
		if _, err := os.ReadFile(file); !errors.Is(err, unix.EACCES) {
			return probes.Wrong("open", "reading what no rule allows returned %v, want EACCES", err)
		}
		return nil
	})
}

// landlockPorts allows one port, and binds that and another. Without INET Landlock exists, but
// refuses a rule about ports because there is no TCP (security/landlock/syscalls.c:401).
func landlockPorts(context.Context) (probes.Answer, error) {
	rules, err := landlockRules(unix.LandlockRulesetAttr{Handled_access_net: unix.LANDLOCK_ACCESS_NET_BIND_TCP})
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(rules)
	const call, port = "landlock_add_rule(LANDLOCK_RULE_NET_PORT)", 2
	allowed := 1 // where there are no ports at all
	if fd, at, err := sock.Bound(unix.AF_INET, unix.SOCK_STREAM, sock.Loopback(unix.AF_INET)); err == nil {
		allowed = at.(*unix.SockaddrInet4).Port
		unix.Close(fd)
	}
	rule := [2]uint64{unix.LANDLOCK_ACCESS_NET_BIND_TCP, uint64(allowed)}
	_, err = probes.Syscall(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), port, uintptr(unsafe.Pointer(&rule)), 0)
	if err != nil {
		return probes.Answer{}, probes.Try(call, err, unix.EAFNOSUPPORT)
	}
	a := probes.Answer{Call: call, Errno: unix.EACCES, Detail: "the allowed port could be bound, and another was refused"}
	return a, netdev.OnThread(func() error {
		if err := landlocked(rules); err != nil {
			return err
		}
		for port, want := range map[int]error{allowed: nil, allowed ^ 1: unix.EACCES} {
			fd, _, err := sock.Bound(unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
			unix.Close(fd)
			if !errors.Is(err, want) {
				return probes.Wrong("bind", "port %d returned %v, want %v", port, err, want)
			}
		}
		return nil
	})
}

// securityModules reads the list in securityfs. It mounts that itself, because an init may not
// have.
func securityModules(context.Context) (probes.Answer, error) {
	a := probes.Answer{Call: "mount(securityfs)"}
	err := mounted("securityfs", "", func(dir string) error {
		text, err := os.ReadFile(filepath.Join(dir, "lsm"))
		a.Value = strings.TrimSpace(string(text))
		return probes.Try("lsm", err)
	})
	return a, err
}

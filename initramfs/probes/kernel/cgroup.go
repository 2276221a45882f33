//go:build linux

package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
)

// inGroup creates a group in the hierarchy mounted at root, and removes it after f.
func inGroup(root string, f func(group string) error) error {
	group := filepath.Join(root, fmt.Sprintf("netstrip-%d", os.Getpid()))
	if err := os.Mkdir(group, 0o700); err != nil {
		return probes.Try("mkdir(cgroup)", err)
	}
	return errors.Join(f(group), probes.Try("rmdir(cgroup)", unix.Rmdir(group)))
}

func enterGroup(context.Context) (probes.Answer, error) {
	return probes.Answer{Call: "mount(cgroup2)", Detail: "this process moved to a group of its own, and /proc showed that"},
		mounted("cgroup2", "", func(root string) error {
			return inGroup(root, func(group string) error {
				move := func(to string) error {
					return probes.Try("cgroup.procs", os.WriteFile(filepath.Join(to, "cgroup.procs"), []byte("0"), 0))
				}
				if err := move(group); err != nil {
					return err
				}
				text, err := os.ReadFile("/proc/self/cgroup")
				if want := "0::/" + filepath.Base(group) + "\n"; err == nil && !strings.Contains(string(text), want) {
					err = fmt.Errorf("%q is not among %q", want, text)
				}
				return errors.Join(probes.Try("/proc/self/cgroup", err), move(root))
			})
		})
}

// markGroup writes the class ID that iptables and tc match. The controller belongs to version 1,
// whose mount returns EINVAL for a controller that is not in the kernel
// (kernel/cgroup/cgroup-v1.c:950).
func markGroup(context.Context) (probes.Answer, error) {
	const call, mark = "mount(cgroup)", "65537\n"
	mark1 := func(root string) error {
		return inGroup(root, func(group string) error {
			file := filepath.Join(group, "net_cls.classid")
			if err := os.WriteFile(file, []byte("0x10001"), 0); err != nil {
				return probes.Try("net_cls.classid", err)
			}
			text, err := os.ReadFile(file)
			if err == nil && string(text) != mark {
				err = fmt.Errorf("%q was written as 0x10001", text)
			}
			return probes.Try("net_cls.classid", err)
		})
	}
	err := mounted("cgroup", "net_cls", mark1)
	if errors.Is(err, unix.EBUSY) { // most distributions have it mounted already
		err = mounted("cgroup", "net_cls,net_prio", mark1)
	}
	if fail := (*probes.Failure)(nil); errors.As(err, &fail) && fail.Call == call {
		err = probes.GoneAs(err, unix.ENODEV, unix.EINVAL)
	}
	return probes.Answer{Call: call, Detail: "a group was given a class ID and returned it"}, err
}

// pressure reads a file that exists only if the kernel keeps stall times (kernel/sched/psi.c:1703).
func pressure(context.Context) (probes.Answer, error) {
	text, err := probes.ReadFile("/proc", "pressure/cpu")
	if err == nil && !strings.HasPrefix(text, "some avg10=") {
		err = probes.Wrong("/proc/pressure/cpu", "the text begins with %.40q", text)
	}
	return probes.Answer{Call: "/proc/pressure/cpu"}, err
}

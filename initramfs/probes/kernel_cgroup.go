//go:build linux

package probes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func cgroupProbes() []Probe {
	return []Probe{
		{
			ID:       "kernel/cgroup2",
			Question: "Can a process be put into a control group?",
			ask:      enterGroup,
		},
		{
			ID:       "kernel/net-cls",
			Question: "Can a control group be given a mark for its packets?",
			ask:      markGroup,
		},
		{
			ID:       "kernel/psi",
			Question: "Does the kernel say for how long tasks had to wait for a processor?",
			ask:      pressure,
		},
	}
}

// inGroup makes a group in the hierarchy mounted at root and takes it away again.
func inGroup(root string, f func(group string) error) error {
	group := filepath.Join(root, fmt.Sprintf("netstrip-%d", os.Getpid()))
	if err := os.Mkdir(group, 0o700); err != nil {
		return try("mkdir(cgroup)", err)
	}
	return errors.Join(f(group), try("rmdir(cgroup)", unix.Rmdir(group)))
}

func enterGroup(context.Context) (answer, error) {
	return answer{call: "mount(cgroup2)", detail: "this process was in a group of its own, and said so"},
		mounted("cgroup2", "", func(root string) error {
			return inGroup(root, func(group string) error {
				move := func(to string) error {
					return try("cgroup.procs", os.WriteFile(filepath.Join(to, "cgroup.procs"), []byte("0"), 0))
				}
				if err := move(group); err != nil {
					return err
				}
				text, err := os.ReadFile("/proc/self/cgroup")
				if want := "0::/" + filepath.Base(group) + "\n"; err == nil && !strings.Contains(string(text), want) {
					err = fmt.Errorf("%q is not among %q", want, text)
				}
				return errors.Join(try("/proc/self/cgroup", err), move(root))
			})
		})
}

// markGroup writes the mark that iptables and tc would look for. The controller is one
// of the first version's, to whose mount one that is not in the kernel is EINVAL
// (kernel/cgroup/cgroup-v1.c:950).
func markGroup(context.Context) (answer, error) {
	const call, mark = "mount(cgroup)", "65537\n"
	mark1 := func(root string) error {
		return inGroup(root, func(group string) error {
			file := filepath.Join(group, "net_cls.classid")
			if err := os.WriteFile(file, []byte("0x10001"), 0); err != nil {
				return try("net_cls.classid", err)
			}
			text, err := os.ReadFile(file)
			if err == nil && string(text) != mark {
				err = fmt.Errorf("%q was written as 0x10001", text)
			}
			return try("net_cls.classid", err)
		})
	}
	err := mounted("cgroup", "net_cls", mark1)
	if errors.Is(err, unix.EBUSY) { // it is mounted already, as most distributions do
		err = mounted("cgroup", "net_cls,net_prio", mark1)
	}
	if fail := (*failure)(nil); errors.As(err, &fail) && fail.call == call {
		err = goneAs(err, unix.ENODEV, unix.EINVAL)
	}
	return answer{call: call, detail: "a group was given a mark and has it"}, err
}

// pressure reads a file that is there only where stall times are kept (kernel/sched/psi.c:1703).
func pressure(context.Context) (answer, error) {
	text, err := readFile("/proc", "pressure/cpu")
	if err == nil && !strings.HasPrefix(text, "some avg10=") {
		err = wrong("/proc/pressure/cpu", "it begins with %.40q", text)
	}
	return answer{call: "/proc/pressure/cpu"}, err
}

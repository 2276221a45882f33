//go:build linux

package probes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func netnsNameProbes() []Probe {
	return []Probe{
		{
			ID:       "netns/name",
			Question: "Does a network namespace live on under a name when nobody is in it?",
			ask:      namedNetns,
		},
		{
			ID:       "netns/exec",
			Question: "Does a fresh sysfs show the devices of the network namespace it was mounted in?",
			ask:      freshSysfs,
		},
		{
			ID:       "netns/proc-net",
			Question: "Has each network namespace a /proc/net of its own?",
			ask:      ownProcNet,
		},
		{
			ID:       "netns/abstract",
			Question: "Has each network namespace abstract names of Unix sockets of its own?",
			ask:      ownAbstract,
		},
	}
}

// namedNetns does what ip netns add does: it binds a namespace's file to a name. The
// thread that made it has ended when another goes there by that name and finds what was
// left there.
func namedNetns(context.Context) (answer, error) {
	if err := netlinkRoute(); err != nil {
		return answer{}, err
	}
	dir, err := os.MkdirTemp("", "netstrip-")
	if err != nil {
		return answer{}, try("mkdir", err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "name")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return answer{}, try("open", err)
	}
	err = inNewNetns(func() error {
		if err := addDummy("mark"); err != nil {
			return err
		}
		return try("mount(MS_BIND)", unix.Mount("/proc/thread-self/ns/net", name, "", unix.MS_BIND, ""))
	})
	if err != nil {
		return answer{}, err
	}
	defer unix.Unmount(name, unix.MNT_DETACH)
	return answer{call: "mount(MS_BIND)", detail: "its maker had ended, and its device was still there"}, onThread(func() error {
		named, err := os.Open(name)
		if err != nil {
			return try("open", err)
		}
		defer named.Close()
		if err := enter(named); err != nil {
			return err
		}
		return linkIs("mark", true)
	})
}

// freshSysfs does what ip netns exec does: in a mount namespace of its own it mounts a
// sysfs, which shows the network namespace that it was mounted in.
func freshSysfs(context.Context) (answer, error) {
	if err := netlinkRoute(); err != nil {
		return answer{}, err
	}
	dir, err := os.MkdirTemp("", "netstrip-")
	if err != nil {
		return answer{}, try("mkdir", err)
	}
	defer os.RemoveAll(dir)
	a := answer{call: "mount(sysfs)", detail: "it has the devices of the new namespace, and not what is here"}
	err = inNewNetns(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return try("unshare(CLONE_NEWNS)", err)
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return try("mount(MS_PRIVATE)", err)
		}
		if err := unix.Mount("netstrip", dir, "sysfs", 0, ""); err != nil {
			return try("mount(sysfs)", err)
		}
		defer unix.Unmount(dir, unix.MNT_DETACH)
		entries, err := os.ReadDir(filepath.Join(dir, "class/net"))
		if err != nil {
			return try("/sys/class/net", err)
		}
		var there, own []string
		for _, e := range entries {
			there = append(there, e.Name())
		}
		links, err := netlink.LinkList() // lo, and what some drivers put into every namespace
		if err != nil {
			return try("RTM_GETLINK", err)
		}
		for _, l := range links {
			own = append(own, l.Attrs().Name)
		}
		slices.Sort(own)
		if a.value = strings.Join(there, ","); a.value != strings.Join(own, ",") {
			return wrong("/sys/class/net", "it has %v, want %v", there, own)
		}
		return nil
	})
	return a, err
}

// procNetDevices are the interfaces in a process's or thread's /proc/.../net/dev.
func procNetDevices(who string) ([]string, error) {
	text, err := readFile("/proc/"+who, "net/dev")
	var names []string
	for line := range strings.Lines(text) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names, err
}

// ownProcNet: /proc/net stands for /proc/self/net, which is of the first thread's
// namespace; only thread-self shows the calling thread's.
func ownProcNet(context.Context) (answer, error) {
	if _, err := procNetDevices("self"); err != nil {
		return answer{}, err
	}
	return answer{call: "/proc/thread-self/net/dev", detail: "a device was in the one and not in the other"}, inNewNetns(func() error {
		if err := addDummy("mark"); err != nil {
			return err
		}
		own, err := procNetDevices("thread-self")
		if err != nil {
			return err
		}
		process, err := procNetDevices("self")
		if err == nil && (!slices.Contains(own, "mark") || slices.Contains(process, "mark")) {
			err = wrong("/proc/thread-self/net/dev", "the thread's are %v, its process's %v", own, process)
		}
		return err
	})
}

// ownAbstract listens under an abstract name, which must mean nothing in another
// namespace until somebody listens there too.
func ownAbstract(context.Context) (answer, error) {
	at := &unix.SockaddrUnix{Name: fmt.Sprintf("@netstrip-%d-%d", os.Getpid(), time.Now().UnixNano())}
	l, _, err := listening(unix.AF_UNIX, unix.SOCK_STREAM, at)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(l)
	reach := func() error {
		fd, err := socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return connect(fd, at)
	}
	if err := reach(); err != nil {
		return answer{}, try("connect", err)
	}
	err = inNewNetns(func() error {
		if err := reach(); !errors.Is(err, unix.ECONNREFUSED) {
			return wrong("connect", "another namespace's name gave %v, want ECONNREFUSED", err)
		}
		own, _, err := listening(unix.AF_UNIX, unix.SOCK_STREAM, at)
		if err == nil {
			unix.Close(own)
		}
		return err
	})
	return answer{call: "connect", errno: unix.ECONNREFUSED, detail: "a name taken in one namespace was unknown and free in another"}, err
}

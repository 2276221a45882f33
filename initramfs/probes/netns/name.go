//go:build linux

package netns

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

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// namedNetns does what ip netns add does: it bind-mounts a namespace's file to a name. The
// thread that made the namespace has ended when another enters it by name and looks for the
// interface left there.
func namedNetns(dir string) (probes.Answer, error) {
	name := filepath.Join(dir, "name")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return probes.Answer{}, probes.Try("open", err)
	}
	err := netdev.InNew(func() error {
		if err := netdev.AddDummy("mark"); err != nil {
			return err
		}
		return probes.Try("mount(MS_BIND)", unix.Mount("/proc/thread-self/ns/net", name, "", unix.MS_BIND, ""))
	})
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Unmount(name, unix.MNT_DETACH)
	return probes.Answer{Call: "mount(MS_BIND)", Detail: "the thread that made it had ended, and its device was still there"}, netdev.OnThread(func() error {
		named, err := os.Open(name)
		if err != nil {
			return probes.Try("open", err)
		}
		defer named.Close()
		if err := netdev.Enter(named); err != nil {
			return err
		}
		return linkIs("mark", true)
	})
}

// freshSysfs does what ip netns exec does: it mounts a sysfs in a mount namespace of its own,
// which shows the network namespace that it was mounted in.
func freshSysfs(dir string) (probes.Answer, error) {
	a := probes.Answer{Call: "mount(sysfs)", Detail: "it shows the devices of the new namespace, and not those of the old one"}
	err := netdev.InNew(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return probes.Try("unshare(CLONE_NEWNS)", err)
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return probes.Try("mount(MS_PRIVATE)", err)
		}
		if err := unix.Mount("netstrip", dir, "sysfs", 0, ""); err != nil {
			return probes.Try("mount(sysfs)", err)
		}
		defer unix.Unmount(dir, unix.MNT_DETACH)
		entries, err := os.ReadDir(filepath.Join(dir, "class/net"))
		if err != nil {
			return probes.Try("/sys/class/net", err)
		}
		var there, own []string
		for _, e := range entries {
			there = append(there, e.Name())
		}
		links, err := netlink.LinkList() // lo, and what some drivers put into every namespace
		if err != nil {
			return probes.Try("RTM_GETLINK", err)
		}
		for _, l := range links {
			own = append(own, l.Attrs().Name)
		}
		slices.Sort(own)
		if a.Value = strings.Join(there, ","); a.Value != strings.Join(own, ",") {
			return probes.Wrong("/sys/class/net", "it has %v, want %v", there, own)
		}
		return nil
	})
	return a, err
}

// procNetDevices returns the interfaces in /proc/WHO/net/dev.
func procNetDevices(who string) ([]string, error) {
	text, err := probes.ReadFile("/proc/"+who, "net/dev")
	var names []string
	for line := range strings.Lines(text) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names, err
}

// ownProcNet compares two namespaces: /proc/net, a link to /proc/self/net, shows that of the
// first thread; only thread-self shows that of the calling thread.
func ownProcNet(context.Context) (probes.Answer, error) {
	if _, err := procNetDevices("self"); err != nil {
		return probes.Answer{}, err
	}
	return probes.Answer{Call: "/proc/thread-self/net/dev", Detail: "a device was listed for the thread, and not for its process"}, netdev.InNew(func() error {
		if err := netdev.AddDummy("mark"); err != nil {
			return err
		}
		own, err := procNetDevices("thread-self")
		if err != nil {
			return err
		}
		process, err := procNetDevices("self")
		if err == nil && (!slices.Contains(own, "mark") || slices.Contains(process, "mark")) {
			err = probes.Wrong("/proc/thread-self/net/dev", "the thread has %v, its process %v", own, process)
		}
		return err
	})
}

// ownAbstract listens under an abstract name, which must be unknown in another namespace until
// somebody listens there too.
func ownAbstract(context.Context) (probes.Answer, error) {
	at := &unix.SockaddrUnix{Name: fmt.Sprintf("@netstrip-%d-%d", os.Getpid(), time.Now().UnixNano())}
	l, _, err := sock.Listening(unix.AF_UNIX, unix.SOCK_STREAM, at)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(l)
	reach := func() error {
		fd, err := sock.New(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return sock.Connect(fd, at)
	}
	if err := reach(); err != nil {
		return probes.Answer{}, probes.Try("connect", err)
	}
	err = netdev.InNew(func() error {
		if err := reach(); !errors.Is(err, unix.ECONNREFUSED) {
			return probes.Wrong("connect", "connecting to another namespace's name returned %v, want ECONNREFUSED", err)
		}
		own, _, err := sock.Listening(unix.AF_UNIX, unix.SOCK_STREAM, at)
		if err == nil {
			unix.Close(own)
		}
		return err
	})
	return probes.Answer{Call: "connect", Errno: unix.ECONNREFUSED, Detail: "a name in use in one namespace was unknown and free in another"}, err
}

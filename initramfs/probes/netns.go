//go:build linux

package probes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func netnsProbes() []Probe {
	return []Probe{
		{
			ID:       "netns/file",
			Question: "Is there a file for a process's network namespace, /proc/self/ns/net?",
			ask:      netnsFile,
		},
		{
			ID:       "netns/initial",
			Question: "Do processes start in the network namespace of PID 1?",
			ask:      initialNetns,
		},
		{
			ID:       "netns/unshare",
			Question: "Can a process get a network namespace of its own?",
			ask:      newNetns,
		},
		{
			ID:       "netns/own-lo",
			Question: "Has a new network namespace a lo of its own, and is it down?",
			ask:      ownLo,
		},
		{
			ID:       "netns/same-port",
			Question: "Can one port of 127.0.0.1 be listened on in two network namespaces?",
			ask:      samePort,
		},
		{
			ID:       "netns/veth",
			Question: "Does a veth pair carry datagrams from one network namespace into another?",
			ask:      acrossVeth,
		},
		{
			ID:       "netns/setns",
			Question: "Can a thread go back into the network namespace it came from?",
			ask:      comeBack,
		},
	}
}

// netnsID is the inode number by which a network namespace is known. The file is not
// there without CONFIG_NET_NS (fs/proc/namespaces.c:16); its directory always is.
func netnsID(proc string) (string, error) {
	dir := "/proc/" + proc + "/ns"
	link, err := os.Readlink(dir + "/net")
	if err := absentFile(dir, dir+"/net", err); err != nil {
		return "", err
	}
	return link, nil
}

// netnsInode is the number in the text of such a link, "net:[4026531840]".
func netnsInode(link string) (float64, error) {
	var inode uint64
	if _, err := fmt.Sscanf(link, "net:[%d]", &inode); err != nil {
		return 0, wrong("readlink", "%q is not a network namespace", link)
	}
	return float64(inode), nil
}

func netnsFile(context.Context) (answer, error) {
	link, err := netnsID("self")
	if err != nil {
		return answer{}, err
	}
	inode, err := netnsInode(link)
	return answer{
		call:    "/proc/self/ns/net",
		numbers: map[string]float64{"inode": inode},
	}, err
}

func initialNetns(context.Context) (answer, error) {
	own, err := netnsID("self")
	if err != nil {
		return answer{}, err
	}
	first, err := netnsID("1")
	if err != nil {
		return answer{}, err
	}
	if own != first {
		return answer{}, wrong("/proc/1/ns/net", "it is %s, ours is %s", first, own)
	}
	return answer{call: "/proc/1/ns/net", detail: "PID 1 and this process share " + own}, nil
}

// unshareNet returns the calling thread a network namespace. A kernel that cannot make
// one says EINVAL (include/net/net_namespace.h:220), which unshare(CLONE_NEWNET)
// gives for nothing else: the flag itself is always known (kernel/fork.c:3247).
func unshareNet() error {
	return try("unshare(CLONE_NEWNET)", unix.Unshare(unix.CLONE_NEWNET), unix.EINVAL)
}

// onThread runs f on a thread of its own, which ends with it: whatever namespaces f
// puts the thread into, nothing else ever runs there. It is never the process's first
// thread, which Go cannot throw away, and whose namespace /proc/self/net shows.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that Go throws the thread away
		if unix.Gettid() == unix.Getpid() {
			done <- onThread(f) // as long as this one waits here it is another
			runtime.UnlockOSThread()
			return
		}
		done <- f()
	}()
	return <-done
}

// inNewNetns runs f on a thread of its own in a new network namespace.
func inNewNetns(f func() error) error {
	return onThread(func() error {
		if err := unshareNet(); err != nil {
			return err
		}
		return f()
	})
}

func newNetns(context.Context) (answer, error) {
	before, berr := netnsID("thread-self")
	err := inNewNetns(func() error {
		after, err := netnsID("thread-self")
		if err = errors.Join(berr, err); err == nil && before == after {
			err = wrong("unshare(CLONE_NEWNET)", "the thread is still in %s", before)
		}
		return err
	})
	return answer{call: "unshare(CLONE_NEWNET)", detail: "a thread got a namespace of its own"}, err
}

func ownLo(context.Context) (answer, error) {
	a := answer{call: "RTM_GETLINK"}
	err := inNewNetns(func() error {
		lo, err := loLink()
		if err != nil {
			return err
		}
		flags := lo.Attrs().RawFlags
		a.value = flagNames(flags)
		a.detail = "a new namespace's lo is there and down"
		if flags&unix.IFF_UP != 0 || lo.Attrs().Index != loIndex {
			return wrong("RTM_GETLINK", "lo is %s and has index %d", flagNames(flags), lo.Attrs().Index)
		}
		return nil
	})
	return a, err
}

// samePort listens on a port, makes sure that nobody else can there, and does the
// same once more in another namespace, where it connects.
func samePort(context.Context) (answer, error) {
	first, at, err := listening(unix.AF_INET, unix.SOCK_STREAM, loopback(unix.AF_INET))
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(first)
	if second, _, err := listening(unix.AF_INET, unix.SOCK_STREAM, at); !errors.Is(err, unix.EADDRINUSE) {
		unix.Close(second)
		return answer{}, wrong("bind", "a port bound twice in one namespace gave %v, want EADDRINUSE", err)
	}
	err = inNewNetns(func() error {
		lo, err := loLink()
		if err != nil {
			return err
		}
		if err := try("RTM_NEWLINK(lo up)", netlink.LinkSetUp(lo)); err != nil {
			return err
		}
		p, err := connected(unix.AF_INET, unix.SOCK_STREAM, at)
		if err != nil {
			return err
		}
		defer p.close()
		return p.stream(1000)
	})
	return answer{
		call:   "bind",
		detail: "a port taken in one namespace was free in another, and could be connected to",
	}, err
}

func comeBack(context.Context) (answer, error) {
	err := onThread(func() error {
		before, err := openNetns()
		if err != nil {
			return err
		}
		defer before.Close()
		home, err := netnsID("thread-self")
		if err != nil {
			return err
		}
		if err := unshareNet(); err != nil {
			return err
		}
		if err := try("setns(CLONE_NEWNET)", unix.Setns(int(before.Fd()), unix.CLONE_NEWNET)); err != nil {
			return err
		}
		now, err := netnsID("thread-self")
		if err == nil && now != home {
			err = wrong("setns(CLONE_NEWNET)", "the thread is in %s, it came from %s", now, home)
		}
		return err
	})
	return answer{call: "setns(CLONE_NEWNET)", detail: "a thread left its namespace and came back"}, err
}

// openNetns opens the calling thread's network namespace.
func openNetns() (*os.File, error) {
	const dir = "/proc/thread-self/ns"
	f, err := os.Open(dir + "/net")
	return f, absentFile(dir, dir+"/net", err)
}

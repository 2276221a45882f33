//go:build linux

package netns

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/packet"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// namespaceOf returns the link that identifies a process's network namespace. The file does not
// exist without CONFIG_NET_NS (fs/proc/namespaces.c:16); its directory always does.
func namespaceOf(proc string) (string, error) {
	dir := "/proc/" + proc + "/ns"
	link, err := os.Readlink(dir + "/net")
	if err := probes.AbsentFile(dir, dir+"/net", err); err != nil {
		return "", err
	}
	return link, nil
}

// inodeOf returns the inode number in such a link, "net:[4026531840]".
func inodeOf(link string) (float64, error) {
	var inode uint64
	if _, err := fmt.Sscanf(link, "net:[%d]", &inode); err != nil {
		return 0, probes.Wrong("readlink", "%q is not a network namespace", link)
	}
	return float64(inode), nil
}

func hasFile(context.Context) (probes.Answer, error) {
	link, err := namespaceOf("self")
	if err != nil {
		return probes.Answer{}, err
	}
	inode, err := inodeOf(link)
	return probes.Answer{
		Call:    "/proc/self/ns/net",
		Numbers: map[string]float64{"inode": inode},
	}, err
}

func initialNetns(context.Context) (probes.Answer, error) {
	own, err := namespaceOf("self")
	if err != nil {
		return probes.Answer{}, err
	}
	first, err := namespaceOf("1")
	if err != nil {
		return probes.Answer{}, err
	}
	if own != first {
		return probes.Answer{}, probes.Wrong("/proc/1/ns/net", "it is %s, ours is %s", first, own)
	}
	return probes.Answer{Call: "/proc/1/ns/net", Detail: "PID 1 and this process share " + own}, nil
}

func unshare(context.Context) (probes.Answer, error) {
	before, berr := namespaceOf("thread-self")
	err := netdev.InNew(func() error {
		after, err := namespaceOf("thread-self")
		if err = errors.Join(berr, err); err == nil && before == after {
			err = probes.Wrong("unshare(CLONE_NEWNET)", "the thread is still in %s", before)
		}
		return err
	})
	return probes.Answer{Call: "unshare(CLONE_NEWNET)", Detail: "a thread moved to a new namespace"}, err
}

func ownLo(context.Context) (probes.Answer, error) {
	a := probes.Answer{Call: "RTM_GETLINK"}
	err := netdev.InNew(func() error {
		lo, err := netdev.Lo()
		if err != nil {
			return err
		}
		flags := lo.Attrs().RawFlags
		a.Value = netdev.FlagNames(flags)
		a.Detail = "lo exists in the new namespace, and is down"
		if flags&unix.IFF_UP != 0 || lo.Attrs().Index != packet.LoIndex {
			return probes.Wrong("RTM_GETLINK", "lo is %s and has index %d", netdev.FlagNames(flags), lo.Attrs().Index)
		}
		return nil
	})
	return a, err
}

// samePort listens on a port, checks that nobody else can in this namespace, and then listens
// on the same port in another namespace and connects there.
func samePort(context.Context) (probes.Answer, error) {
	first, at, err := sock.Listening(unix.AF_INET, unix.SOCK_STREAM, sock.Loopback(unix.AF_INET))
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(first)
	if second, _, err := sock.Listening(unix.AF_INET, unix.SOCK_STREAM, at); !errors.Is(err, unix.EADDRINUSE) {
		unix.Close(second)
		return probes.Answer{}, probes.Wrong("bind", "binding a port twice in one namespace returned %v, want EADDRINUSE", err)
	}
	err = netdev.InNew(func() error {
		lo, err := netdev.Lo()
		if err != nil {
			return err
		}
		if err := probes.Try("RTM_NEWLINK(lo up)", netlink.LinkSetUp(lo)); err != nil {
			return err
		}
		p, err := sock.Connected(unix.AF_INET, unix.SOCK_STREAM, at)
		if err != nil {
			return err
		}
		defer p.Close()
		return p.Stream()
	})
	return probes.Answer{
		Call:   "bind",
		Detail: "a port in use in one namespace was free in another, and accepted a connection",
	}, err
}

func comeBack(context.Context) (probes.Answer, error) {
	err := netdev.OnThread(func() error {
		before, err := netdev.Open()
		if err != nil {
			return err
		}
		defer before.Close()
		home, err := namespaceOf("thread-self")
		if err != nil {
			return err
		}
		if err := netdev.Unshare(); err != nil {
			return err
		}
		if err := probes.Try("setns(CLONE_NEWNET)", unix.Setns(int(before.Fd()), unix.CLONE_NEWNET)); err != nil {
			return err
		}
		now, err := namespaceOf("thread-self")
		if err == nil && now != home {
			err = probes.Wrong("setns(CLONE_NEWNET)", "the thread is in %s, it came from %s", now, home)
		}
		return err
	})
	return probes.Answer{Call: "setns(CLONE_NEWNET)", Detail: "a thread left its namespace and returned"}, err
}

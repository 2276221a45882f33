//go:build linux

// Package netdev creates, joins and inspects network namespaces and the interfaces in them. It
// runs in the guest; its tests also run on the host. Whatever it changes is in a namespace of its
// own, or is undone.
package netdev

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// Lo returns lo as netlink shows it in the calling thread's namespace.
func Lo() (netlink.Link, error) {
	if err := sock.Route(); err != nil {
		return nil, err
	}
	lo, err := netlink.LinkByName("lo")
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil, &probes.Failure{Call: "RTM_GETLINK(lo)", Err: err, Gone: true}
	}
	return lo, probes.Try("RTM_GETLINK(lo)", err)
}

// LoRequest makes an ioctl about lo, and returns the answer and the call. It uses any available
// family of sockets, because all pass the request on to the same code (net/socket.c:1214-1254).
func LoRequest(request uint, name string) (*unix.Ifreq, string, error) {
	kinds := [][2]int{
		{unix.AF_INET, unix.SOCK_DGRAM}, {unix.AF_UNIX, unix.SOCK_DGRAM}, {unix.AF_NETLINK, unix.SOCK_RAW},
	}
	var first error
	for _, kind := range kinds {
		fd, err := sock.New(kind[0], kind[1], 0)
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		defer unix.Close(fd)
		r, err := unix.NewIfreq("lo")
		if err == nil {
			err = unix.IoctlIfreq(fd, request, r)
		}
		// The socket is not named, so that the finding is the same with any.
		call := fmt.Sprintf("ioctl(%s, lo)", name)
		return r, call, probes.Try(call, err, unix.ENODEV)
	}
	return nil, "", first
}

// FlagNames returns the flags of an interface as ifconfig(8) writes them, lowest first.
func FlagNames(flags uint32) string {
	var names []string
	for _, f := range []struct {
		bit  uint32
		name string
	}{
		{unix.IFF_UP, "UP"}, {unix.IFF_BROADCAST, "BROADCAST"}, {unix.IFF_LOOPBACK, "LOOPBACK"},
		{unix.IFF_POINTOPOINT, "POINTOPOINT"}, {unix.IFF_RUNNING, "RUNNING"}, {unix.IFF_NOARP, "NOARP"},
		{unix.IFF_PROMISC, "PROMISC"}, {unix.IFF_ALLMULTI, "ALLMULTI"}, {unix.IFF_MULTICAST, "MULTICAST"},
	} {
		if flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, "|")
}

// Move moves an interface out of the thread's namespace.
func Move(name string, to *os.File) error {
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetNsFd(link, int(to.Fd()))
	}
	return probes.Try("RTM_NEWLINK("+name+" netns)", err)
}

// AddDummy creates an interface that drops its packets.
func AddDummy(name string) error {
	dummy := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: name}}
	// EOPNOTSUPP: "Unknown device type" (net/core/rtnetlink.c:3857).
	return probes.Try("RTM_NEWLINK(dummy)", netlink.LinkAdd(dummy), unix.EOPNOTSUPP)
}

// Running waits until an interface that is up can send. The first end of a veth pair gets its
// carrier when the second is opened, and its queue only when the kernel's linkwatch worker
// runs (net/core/link_watch.c:166). Until then packets are dropped silently.
func Running(name string) error {
	call := "RTM_GETLINK(" + name + ")"
	return probes.Eventually(func() error {
		link, err := netlink.LinkByName(name)
		if err == nil && link.Attrs().RawFlags&unix.IFF_RUNNING == 0 {
			err = probes.Wrong(call, "the interface is not running, although the other end is up")
		}
		return probes.Try(call, err)
	})
}

// SetUp adds addresses to an interface of the thread's namespace and sets it up. IPv6 skips
// the detection of duplicate addresses.
func SetUp(name string, addrs ...*net.IPNet) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return probes.Try("RTM_GETLINK("+name+")", err)
	}
	for _, a := range addrs {
		addr := &netlink.Addr{IPNet: a}
		if a.IP.To4() == nil {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := probes.Try("RTM_NEWADDR", netlink.AddrAdd(link, addr)); err != nil {
			return err
		}
	}
	return probes.Try("RTM_NEWLINK("+name+" up)", netlink.LinkSetUp(link))
}

//go:build linux

package netdev

import (
	"context"
	"net"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// Crossing is two namespaces joined by two interfaces, with an address each. Inside, lo is up.
// Outside, lo is down, and the loopback addresses too are routed through the interface.
type Crossing struct {
	// Domain is AF_INET or AF_INET6.
	Domain int
	// Localnet sets route_localnet inside.
	Localnet bool
	// Join joins the namespaces, called on the thread inside, and returns the names of the
	// interfaces inside and outside.
	Join func(inside, outside *os.File) ([2]string, error)
	// Ask is called on the thread inside, with Inside and Outside set.
	Ask func(Crossing) (probes.Answer, error)

	Inside, Outside *os.File
}

// Run builds the crossing on a thread of its own, asks, and removes all of it.
func (c Crossing) Run(context.Context) (a probes.Answer, err error) {
	if err := sock.Has(c.Domain, unix.SOCK_DGRAM); err != nil {
		return probes.Answer{}, err
	}
	err = InTwo(func(here, there *os.File) error {
		c.Inside, c.Outside = here, there
		names, err := c.Join(here, there)
		if err == nil {
			err = c.configure(names)
		}
		if err == nil {
			a, err = c.Ask(c)
		}
		return err
	})
	return a, err
}

// JoinVeth joins the thread's namespace to another by a veth pair.
func JoinVeth(_, outside *os.File) ([2]string, error) {
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "near"}, PeerName: "far", PeerNamespace: netlink.NsFd(int(outside.Fd())),
	}
	// EOPNOTSUPP: "Unknown device type" (net/core/rtnetlink.c:3857).
	return [2]string{"near", "far"}, probes.Try("RTM_NEWLINK(veth)", netlink.LinkAdd(veth), unix.EOPNOTSUPP)
}

// JoinCards moves two cards that QEMU has connected from the initial namespace into these.
func JoinCards(inside, outside *os.File) ([2]string, error) {
	first, err := os.Open("/proc/1/ns/net")
	if err != nil {
		return [2]string{}, probes.Try("/proc/1/ns/net", err)
	}
	defer first.Close()
	if err := Enter(first); err != nil {
		return [2]string{}, err
	}
	names, err := Cards(2)
	if err != nil {
		return [2]string{}, err
	}
	for i, to := range []*os.File{inside, outside} {
		if err := Move(names[i], to); err != nil {
			return [2]string{}, err
		}
	}
	return [2]string(names), Enter(inside)
}

// Ends returns the addresses inside and outside (RFC 5737 and 3849 keep these nets for
// examples), and the loopback address with its net.
func (c Crossing) Ends() (in, out, lo *net.IPNet) {
	parse := func(s string) *net.IPNet {
		ip, n, _ := net.ParseCIDR(s)
		return &net.IPNet{IP: ip, Mask: n.Mask}
	}
	if c.Domain == unix.AF_INET6 {
		return parse("2001:db8::1/64"), parse("2001:db8::2/64"), parse("::1/128")
	}
	return parse("192.0.2.1/24"), parse("192.0.2.2/24"), parse("127.0.0.1/8")
}

// configure sets up first the interface outside, then the one inside, where it leaves the thread.
func (c Crossing) configure(names [2]string) error {
	in, out, lo := c.Ends()
	if err := Enter(c.Outside); err != nil {
		return err
	}
	if err := SetUp(names[1], out); err != nil {
		return err
	}
	link, err := netlink.LinkByName(names[1])
	if err != nil {
		return probes.Try("RTM_GETLINK("+names[1]+")", err)
	}
	loNet := &net.IPNet{IP: lo.IP.Mask(lo.Mask), Mask: lo.Mask}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: loNet, Gw: in.IP}
	if err := probes.Try("RTM_NEWROUTE", netlink.RouteAdd(route)); err != nil {
		return err
	}
	if err := Enter(c.Inside); err != nil {
		return err
	}
	if err := SetUp("lo"); err != nil {
		return err
	}
	if err := SetUp(names[0], in); err != nil {
		return err
	}
	if c.Localnet {
		file := filepath.Join("/proc/sys/net/ipv4/conf", names[0], "route_localnet")
		if err := probes.Try(file, os.WriteFile(file, []byte("1"), 0)); err != nil {
			return err
		}
	}
	return Running(names[0])
}

// Sockaddr returns an address of c's family.
func (c Crossing) Sockaddr(ip net.IP, port int) unix.Sockaddr {
	if c.Domain == unix.AF_INET6 {
		return &unix.SockaddrInet6{Addr: [16]byte(ip.To16()), Port: port}
	}
	return &unix.SockaddrInet4{Addr: [4]byte(ip.To4()), Port: port}
}

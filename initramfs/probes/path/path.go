//go:build linux

// Package path asks which path packets to the machine itself take. It runs in the guest, and in
// tests on the host.
package path

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/packet"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// Probes returns the family.
func Probes() []probes.Probe {
	own := net.IPv4(192, 0, 2, 1)
	return []probes.Probe{
		{ID: "path/capture", Ask: captureLocal},
		{ID: "path/counters", Ask: countLocal(net.IPv4(127, 0, 0, 1))},
		{ID: "path/own-address", Ask: countLocal(own)},
		{ID: "path/route4", Ask: routeTo(net.IPv4(127, 0, 0, 1)).After(sock.Route)},
		{ID: "path/route6", Ask: routeTo(net.IPv6loopback).After(sock.Route)},
		{ID: "path/route-own", Ask: routeTo(own).After(sock.Route)},
		{ID: "path/localhost", Ask: lookUpLocalhost},
	}
}

// captureLocal captures a datagram twice, since lo is both ends of its own wire: before it
// goes out, and when it has come in.
func captureLocal(context.Context) (probes.Answer, error) {
	receiver, err := packet.Socket(unix.ETH_P_ALL)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(receiver)
	p, err := sock.Datagrams(unix.AF_INET, sock.Loopback(unix.AF_INET), sock.Loopback(unix.AF_INET))
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	text := []byte("netstrip captures this")
	if _, err := unix.Write(p.A, text); err != nil {
		return probes.Answer{}, probes.Try("write", err)
	}
	var seen []string
	return probes.Answer{
			Call: sock.Call("socket", unix.AF_PACKET, unix.SOCK_DGRAM), Value: "out,in",
			Detail: "the datagram and its headers were captured twice on lo",
		}, sock.Await(receiver, func(data []byte, from unix.Sockaddr) bool {
			// The addresses are at byte 12 of the header, the payload at byte 28.
			ll, ok := from.(*unix.SockaddrLinklayer)
			if ok && len(data) > 28 && bytes.Equal(data[12:20], []byte{127, 0, 0, 1, 127, 0, 0, 1}) && bytes.Equal(data[28:], text) {
				seen = append(seen, map[uint8]string{unix.PACKET_OUTGOING: "out", unix.PACKET_HOST: "in"}[ll.Pkttype])
			}
			return strings.Join(seen, ",") == "out,in"
		})
}

// withOwn runs f in a namespace of its own. There lo is up if it is up outside. If own is set,
// another interface is up with the address 192.0.2.1.
func withOwn(own bool, f func() error) error {
	home, err := netdev.Lo()
	if err != nil {
		return err
	}
	return netdev.Apart(func() error {
		if own {
			if err := netdev.AddDummy("own"); err != nil {
				return err
			}
			defer netlink.LinkDel(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "own"}})
			if err := netdev.SetUp("own", &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(24, 32)}); err != nil {
				return err
			}
		}
		if home.Attrs().RawFlags&unix.IFF_UP != 0 {
			if err := netdev.SetUp("lo"); err != nil {
				return err
			}
		}
		return f()
	})
}

// countLocal sends four datagrams from one of the machine's addresses to itself.
func countLocal(ip net.IP) probes.Ask {
	return func(context.Context) (probes.Answer, error) {
		if err := sock.Has(unix.AF_INET, unix.SOCK_DGRAM); err != nil {
			return probes.Answer{}, err
		}
		a := probes.Answer{Call: "RTM_GETLINK(lo)", Detail: "four datagrams were counted as sent and as received"}
		err := withOwn(!ip.IsLoopback(), func() error {
			at := func() unix.Sockaddr { return &unix.SockaddrInet4{Addr: [4]byte(ip.To4())} }
			p, err := sock.Datagrams(unix.AF_INET, at(), at())
			if err != nil {
				return err
			}
			defer p.Close()
			before, err := netdev.Lo()
			if err != nil {
				return err
			}
			if before.Attrs().RawFlags&unix.IFF_UP == 0 {
				// Packets are dropped silently (noop_enqueue, net/sched/sch_generic.c:669).
				unix.SetNonblock(p.A, true)
				unix.SetNonblock(p.B, true)
				return probes.GoneAs(p.Messages(), unix.EAGAIN)
			}
			if err := p.Messages(); err != nil {
				return err
			}
			after, err := netdev.Lo()
			if err != nil {
				return err
			}
			was, is := before.Attrs().Statistics, after.Attrs().Statistics
			a.Value = fmt.Sprintf("%d packets, %d bytes", is.TxPackets-was.TxPackets, is.TxBytes-was.TxBytes)
			const want = "4 packets, 2186 bytes" // 1000 and 37 bytes each way, and 28 of headers each
			if a.Value != want || is.RxPackets-was.RxPackets != 4 {
				return probes.Wrong("RTM_GETLINK(lo)", "lo counted %s, want %s", a.Value, want)
			}
			return nil
		})
		return a, err
	}
}

// routeTo asks the kernel for a route, as ip route get does. Without routing for the family the
// kernel returns EOPNOTSUPP (net/core/rtnetlink.c:6790).
func routeTo(ip net.IP) probes.Ask {
	const call = "RTM_GETROUTE"
	return func(context.Context) (probes.Answer, error) {
		a := probes.Answer{Call: call}
		err := withOwn(!ip.IsLoopback() && sock.Has(unix.AF_INET, unix.SOCK_DGRAM) == nil, func() error {
			routes, err := netlink.RouteGet(ip)
			if err != nil {
				return probes.Try(call, err, unix.EOPNOTSUPP, unix.ENETUNREACH)
			}
			if len(routes) != 1 || routes[0].Type != unix.RTN_LOCAL {
				return probes.Wrong(call, "%v is not one local route", routes)
			}
			link, err := netlink.LinkByIndex(routes[0].LinkIndex)
			if err != nil {
				return probes.Try("RTM_GETLINK", err)
			}
			a.Value = "local dev " + link.Attrs().Name
			a.Detail = fmt.Sprintf("%s src %v", a.Value, routes[0].Src)
			return nil
		})
		return a, err
	}
}

// lookUpLocalhost finds the name in /etc/hosts, without a socket.
func lookUpLocalhost(ctx context.Context) (probes.Answer, error) {
	names, err := net.DefaultResolver.LookupHost(ctx, "localhost")
	slices.Sort(names)
	return probes.Answer{Call: "/etc/hosts", Value: strings.Join(names, ",")}, probes.Try("lookup(localhost)", err)
}

//go:build linux

package probes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// pathProbes ask which way packets of a machine to itself go.
func pathProbes() []Probe {
	own := net.IPv4(192, 0, 2, 1)
	return []Probe{
		{
			ID:       "path/capture",
			Question: "Does a packet socket on lo see a datagram to 127.0.0.1 go out and come in?",
			ask:      captureLocal,
		},
		{
			ID:       "path/counters",
			Question: "Do lo's counters count each datagram to 127.0.0.1, to the byte?",
			ask:      countLocal(net.IPv4(127, 0, 0, 1)),
		},
		{
			ID:       "path/own-address",
			Question: "Do datagrams to the address of another interface go over lo too?",
			ask:      countLocal(own),
		},
		{
			ID:       "path/route4",
			Question: "Which way does the kernel's route to 127.0.0.1 go?",
			ask:      routeTo(net.IPv4(127, 0, 0, 1)),
		},
		{
			ID:       "path/route6",
			Question: "Which way does the kernel's route to ::1 go?",
			ask:      routeTo(net.IPv6loopback),
		},
		{
			ID:       "path/route-own",
			Question: "Which way does the kernel's route to the address of another interface go?",
			ask:      routeTo(own),
		},
		{
			ID:       "path/localhost",
			Question: "Does the name localhost stand for something, without a name server?",
			Always:   "it stands in a file of the image",
			ask:      lookUpLocalhost,
		},
	}
}

// captureLocal hears a datagram twice, for lo is both ends of its own wire: before it
// goes out and when it has come in.
func captureLocal(context.Context) (answer, error) {
	ear, err := packetSocket(unix.ETH_P_ALL)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(ear)
	p, err := datagramPair(unix.AF_INET, loopback(unix.AF_INET), loopback(unix.AF_INET))
	if err != nil {
		return answer{}, err
	}
	defer p.close()
	text := []byte("netstrip captures this")
	if _, err := unix.Write(p.a, text); err != nil {
		return answer{}, try("write", err)
	}
	var seen []string
	buf := make([]byte, 2048)
	for range 64 {
		n, from, err := unix.Recvfrom(ear, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return answer{}, try("recvfrom", err)
		}
		// The addresses stand in the header from byte 12 on, its payload's from 28.
		local := bytes.Equal(buf[12:20], []byte{127, 0, 0, 1, 127, 0, 0, 1})
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && local && n > 28 && bytes.Equal(buf[28:n], text) {
			seen = append(seen, map[uint8]string{unix.PACKET_OUTGOING: "out", unix.PACKET_HOST: "in"}[ll.Pkttype])
		}
		if len(seen) == 2 {
			return answer{
				call: socketCall("socket", unix.AF_PACKET, unix.SOCK_DGRAM), value: strings.Join(seen, ","),
				detail: "the datagram was captured twice on lo, its headers and all",
			}, nil
		}
	}
	return answer{}, wrong("recvfrom", "64 packets, and of the datagram only %v", seen)
}

// withOwn runs f in a namespace of its own where lo is up if it is at home, and so is
// another interface that has the address 192.0.2.1 if own is set.
func withOwn(own bool, f func() error) error {
	home, err := loLink()
	if err != nil {
		return err
	}
	return apart(func() error {
		if own {
			if err := addDummy("own"); err != nil {
				return err
			}
			defer netlink.LinkDel(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "own"}})
			if err := setUp("own", &net.IPNet{IP: net.IPv4(192, 0, 2, 1), Mask: net.CIDRMask(24, 32)}); err != nil {
				return err
			}
		}
		if home.Attrs().RawFlags&unix.IFF_UP != 0 {
			if err := setUp("lo"); err != nil {
				return err
			}
		}
		return f()
	})
}

// countLocal sends four datagrams to and from an address of the machine's own.
func countLocal(ip net.IP) func(context.Context) (answer, error) {
	return func(context.Context) (answer, error) {
		if err := hasSocket(unix.AF_INET, unix.SOCK_DGRAM); err != nil {
			return answer{}, err
		}
		a := answer{call: "RTM_GETLINK(lo)", detail: "four datagrams were sent, and counted going out and coming in"}
		err := withOwn(!ip.IsLoopback(), func() error {
			at := func() unix.Sockaddr { return &unix.SockaddrInet4{Addr: [4]byte(ip.To4())} }
			p, err := datagramPair(unix.AF_INET, at(), at())
			if err != nil {
				return err
			}
			defer p.close()
			before, err := loLink()
			if err != nil {
				return err
			}
			if before.Attrs().RawFlags&unix.IFF_UP == 0 {
				// What is sent is dropped without a word (noop_enqueue, net/sched/sch_generic.c:669).
				unix.SetNonblock(p.a, true)
				unix.SetNonblock(p.b, true)
				return goneAs(p.messages(), unix.EAGAIN)
			}
			if err := p.messages(); err != nil {
				return err
			}
			after, err := loLink()
			if err != nil {
				return err
			}
			was, is := before.Attrs().Statistics, after.Attrs().Statistics
			a.value = fmt.Sprintf("%d packets, %d bytes", is.TxPackets-was.TxPackets, is.TxBytes-was.TxBytes)
			const want = "4 packets, 2186 bytes" // 1000 and 37 bytes each way, and 28 of headers each
			if a.value != want || is.RxPackets-was.RxPackets != 4 {
				return wrong("RTM_GETLINK(lo)", "it counted %s, want %s", a.value, want)
			}
			return nil
		})
		return a, err
	}
}

// routeTo asks the kernel for a route, as ip route get does. Where nobody has routes of
// the family it is EOPNOTSUPP (net/core/rtnetlink.c:6790).
func routeTo(ip net.IP) func(context.Context) (answer, error) {
	const call = "RTM_GETROUTE"
	return func(context.Context) (answer, error) {
		if err := netlinkRoute(); err != nil {
			return answer{}, err
		}
		a := answer{call: call}
		err := withOwn(!ip.IsLoopback() && hasSocket(unix.AF_INET, unix.SOCK_DGRAM) == nil, func() error {
			routes, err := netlink.RouteGet(ip)
			if err != nil {
				return try(call, err, unix.EOPNOTSUPP, unix.ENETUNREACH)
			}
			if len(routes) != 1 || routes[0].Type != unix.RTN_LOCAL {
				return wrong(call, "%v is not one local route", routes)
			}
			link, err := netlink.LinkByIndex(routes[0].LinkIndex)
			if err != nil {
				return try("RTM_GETLINK", err)
			}
			a.value = "local dev " + link.Attrs().Name
			a.detail = fmt.Sprintf("%s src %v", a.value, routes[0].Src)
			return nil
		})
		return a, err
	}
}

// lookUpLocalhost finds the name in /etc/hosts, for which no socket is needed.
func lookUpLocalhost(ctx context.Context) (answer, error) {
	names, err := net.DefaultResolver.LookupHost(ctx, "localhost")
	slices.Sort(names)
	return answer{call: "/etc/hosts", value: strings.Join(names, ",")}, try("lookup(localhost)", err)
}

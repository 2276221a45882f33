//go:build linux

package probes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// isolationProbes ask what of the loopback addresses can be reached from another machine,
// which is a network namespace here: over a veth pair, and over two network cards that
// QEMU connects.
func isolationProbes() []Probe {
	var all []Probe
	for _, l := range []struct {
		name, over string
		join       func(inside, outside *os.File) ([2]string, error)
	}{
		{"veth", "a veth pair", joinVeth},
		{"nic", "virtio network cards", joinCards},
	} {
		for _, q := range []struct {
			id, question string
			crossing
		}{
			{"local4", "Is a service on 127.0.0.1 refused to a neighbour", crossing{domain: unix.AF_INET, ask: refusedAcross}},
			{"local6", "Is a service on ::1 refused to a neighbour", crossing{domain: unix.AF_INET6, ask: refusedAcross}},
			{"martian4", "Is a neighbour's packet to 127.0.0.1 dropped", crossing{domain: unix.AF_INET, ask: droppedAcross}},
			{"martian6", "Is a neighbour's packet to ::1 dropped", crossing{domain: unix.AF_INET6, ask: droppedAcross}},
			{"route-localnet", "Does a neighbour's packet to 127.0.0.1 arrive where route_localnet is set",
				crossing{domain: unix.AF_INET, localnet: true, ask: arrivesAcross}},
		} {
			q.join = l.join
			all = append(all, Probe{
				ID: "isolation/" + l.name + "/" + q.id, Question: q.question + ", over " + l.over + "?", ask: q.run,
			})
		}
	}
	return all
}

// crossing is two namespaces, joined by two interfaces with an address each. The one
// inside has lo up; the one outside, whose lo is down, takes the way through the
// interface to the loopback addresses too.
type crossing struct {
	domain   int
	localnet bool // have route_localnet set inside
	join     func(inside, outside *os.File) ([2]string, error)
	ask      func(crossing) (answer, error)

	inside, outside *os.File
}

// run builds the crossing on a thread of its own, asks, and lets all of it go.
func (c crossing) run(context.Context) (a answer, err error) {
	if err := hasSocket(c.domain, unix.SOCK_DGRAM); err != nil {
		return answer{}, err
	}
	err = onThread(func() (err error) {
		if c.outside, err = newNamespace(); err != nil {
			return err
		}
		defer c.outside.Close()
		if c.inside, err = newNamespace(); err != nil {
			return err
		}
		defer c.inside.Close()
		names, err := c.join(c.inside, c.outside)
		if err != nil {
			return err
		}
		if err := c.configure(names); err != nil {
			return err
		}
		a, err = c.ask(c)
		return err
	})
	return a, err
}

// joinVeth is for the thread inside.
func joinVeth(_, outside *os.File) ([2]string, error) {
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "near"}, PeerName: "far", PeerNamespace: netlink.NsFd(int(outside.Fd())),
	}
	// EOPNOTSUPP: "Unknown device type" (net/core/rtnetlink.c:3857).
	return [2]string{"near", "far"}, try("RTM_NEWLINK(veth)", netlink.LinkAdd(veth), unix.EOPNOTSUPP)
}

// joinCards moves two cards that QEMU has connected out of the first namespace.
func joinCards(inside, outside *os.File) ([2]string, error) {
	first, err := os.Open("/proc/1/ns/net")
	if err != nil {
		return [2]string{}, try("/proc/1/ns/net", err)
	}
	defer first.Close()
	if err := enter(first); err != nil {
		return [2]string{}, err
	}
	names, err := cards(2)
	if err != nil {
		return [2]string{}, err
	}
	for i, to := range []*os.File{inside, outside} {
		if err := moveLink(names[i], to); err != nil {
			return [2]string{}, err
		}
	}
	return [2]string(names), enter(inside)
}

// ends are the addresses inside and outside (RFC 5737 and 3849 keep these nets for
// examples), and the loopback address with the net it is in.
func (c crossing) ends() (in, out, lo *net.IPNet) {
	parse := func(s string) *net.IPNet {
		ip, n, _ := net.ParseCIDR(s)
		return &net.IPNet{IP: ip, Mask: n.Mask}
	}
	if c.domain == unix.AF_INET6 {
		return parse("2001:db8::1/64"), parse("2001:db8::2/64"), parse("::1/128")
	}
	return parse("192.0.2.1/24"), parse("192.0.2.2/24"), parse("127.0.0.1/8")
}

// configure sets the interfaces up, first the one outside, and ends inside.
func (c crossing) configure(names [2]string) error {
	in, out, lo := c.ends()
	if err := enter(c.outside); err != nil {
		return err
	}
	if err := setUp(names[1], out); err != nil {
		return err
	}
	link, err := netlink.LinkByName(names[1])
	if err != nil {
		return try("RTM_GETLINK("+names[1]+")", err)
	}
	loNet := &net.IPNet{IP: lo.IP.Mask(lo.Mask), Mask: lo.Mask}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: loNet, Gw: in.IP}
	if err := try("RTM_NEWROUTE", netlink.RouteAdd(route)); err != nil {
		return err
	}
	if err := enter(c.inside); err != nil {
		return err
	}
	if err := setUp("lo"); err != nil {
		return err
	}
	if err := setUp(names[0], in); err != nil {
		return err
	}
	if c.localnet {
		file := filepath.Join("/proc/sys/net/ipv4/conf", names[0], "route_localnet")
		if err := try(file, os.WriteFile(file, []byte("1"), 0)); err != nil {
			return err
		}
	}
	return running(names[0])
}

// sockaddr is an address of c's family.
func (c crossing) sockaddr(ip net.IP, port int) unix.Sockaddr {
	if c.domain == unix.AF_INET6 {
		return &unix.SockaddrInet6{Addr: [16]byte(ip.To16()), Port: port}
	}
	return &unix.SockaddrInet4{Addr: [4]byte(ip.To4()), Port: port}
}

// Ports of the services on the loopback address and on the interface's own.
const (
	loPort  = 7001
	ownPort = 7002
)

// refusedAcross has two services listen inside. To reach the one on the interface's
// address shows that the way is open, and that the other's refusal is meant.
func refusedAcross(c crossing) (answer, error) {
	in, _, lo := c.ends()
	local, _, err := listening(c.domain, unix.SOCK_STREAM, c.sockaddr(lo.IP, loPort))
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(local)
	own, _, err := listening(c.domain, unix.SOCK_STREAM, c.sockaddr(in.IP, ownPort))
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(own)
	if err := enter(c.outside); err != nil {
		return answer{}, err
	}
	var errs [2]error
	for i, port := range []int{ownPort, loPort} {
		fd, err := socket(c.domain, unix.SOCK_STREAM, 0)
		if err != nil {
			return answer{}, err
		}
		errs[i] = connect(fd, c.sockaddr(in.IP, port))
		unix.Close(fd)
	}
	if errs[0] != nil {
		return answer{}, try("connect", errs[0])
	}
	if !errors.Is(errs[1], unix.ECONNREFUSED) {
		return answer{}, wrong("connect", "to a service that listens on %v alone it gave %v", lo.IP, errs[1])
	}
	return answer{
		call: "connect", errno: errs[1],
		detail: fmt.Sprintf("%v answered a neighbour, what listens on %v did not", in.IP, lo.IP),
	}, nil
}

// sendAcross sends a datagram to the loopback address and one to the interface's own,
// which arrive in this order or not at all, and gives what came of the first.
func (c crossing) sendAcross() ([]byte, error) {
	in, out, lo := c.ends()
	var fds [3]int
	if err := enter(c.inside); err != nil {
		return nil, err
	}
	for i, ip := range []net.IP{lo.IP, in.IP, out.IP} {
		if i == 2 {
			if err := enter(c.outside); err != nil {
				return nil, err
			}
		}
		var err error
		if fds[i], _, err = bound(c.domain, unix.SOCK_DGRAM, c.sockaddr(ip, loPort)); err != nil {
			return nil, err
		}
		defer unix.Close(fds[i])
	}
	for _, to := range []net.IP{lo.IP, in.IP} {
		if err := unix.Sendto(fds[2], pattern(100), 0, c.sockaddr(to, loPort)); err != nil {
			return nil, try(fmt.Sprintf("sendto(%v)", to), err)
		}
	}
	if err := receive(fds[1], pattern(100)); err != nil {
		return nil, err
	}
	buf := make([]byte, 200)
	n, _, err := unix.Recvfrom(fds[0], buf, unix.MSG_DONTWAIT)
	if errors.Is(err, unix.EAGAIN) {
		return nil, nil
	}
	return buf[:max(n, 0)], try("recvfrom", err)
}

// droppedAcross: 127/8 as a destination is martian on any interface but lo
// (net/ipv4/route.c:2318), and so is ::1 (net/ipv6/ip6_input.c:223).
func droppedAcross(c crossing) (answer, error) {
	got, err := c.sendAcross()
	if err == nil && got != nil {
		err = wrong("recvfrom", "a packet from outside arrived at the loopback address")
	}
	return answer{call: "recvfrom", errno: unix.EAGAIN, detail: "the packet was dropped, the one sent after it arrived"}, err
}

func arrivesAcross(c crossing) (answer, error) {
	got, err := c.sendAcross()
	if err == nil && got == nil {
		err = wrong("recvfrom", "it was dropped all the same")
	}
	return answer{call: "recvfrom", detail: "a packet from outside arrived at 127.0.0.1"}, err
}

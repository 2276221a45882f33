//go:build linux

// Package isolation asks whether another machine (here, another network namespace) can
// reach the loopback addresses. It runs in the guest.
package isolation

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// Probes returns the family: the same questions over a veth pair, and over two network cards
// that QEMU connects.
func Probes() []probes.Probe {
	var all []probes.Probe
	for _, l := range []struct {
		name string
		join func(inside, outside *os.File) ([2]string, error)
	}{
		{"veth", netdev.JoinVeth},
		{"nic", netdev.JoinCards},
	} {
		add := func(id string, c netdev.Crossing) {
			c.Join = l.join
			all = append(all, probes.Probe{ID: "isolation/" + l.name + "/" + id, Ask: c.Run})
		}
		add("local4", netdev.Crossing{Domain: unix.AF_INET, Ask: refusedAcross})
		add("local6", netdev.Crossing{Domain: unix.AF_INET6, Ask: refusedAcross})
		add("martian4", netdev.Crossing{Domain: unix.AF_INET, Ask: droppedAcross})
		add("martian6", netdev.Crossing{Domain: unix.AF_INET6, Ask: droppedAcross})
		add("route-localnet", netdev.Crossing{Domain: unix.AF_INET, Localnet: true, Ask: arrivesAcross})
	}
	return all
}

// Ports of the services on the loopback address and on the interface's own.
const (
	loPort  = 7001
	ownPort = 7002
)

// refusedAcross makes two services listen inside. If the one on the interface's address answers,
// the way is open, and the refusal is due to the other's address.
func refusedAcross(c netdev.Crossing) (probes.Answer, error) {
	in, _, lo := c.Ends()
	local, _, err := sock.Listening(c.Domain, unix.SOCK_STREAM, c.Sockaddr(lo.IP, loPort))
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(local)
	own, _, err := sock.Listening(c.Domain, unix.SOCK_STREAM, c.Sockaddr(in.IP, ownPort))
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(own)
	if err := netdev.Enter(c.Outside); err != nil {
		return probes.Answer{}, err
	}
	var errs [2]error
	for i, port := range []int{ownPort, loPort} {
		fd, err := sock.New(c.Domain, unix.SOCK_STREAM, 0)
		if err != nil {
			return probes.Answer{}, err
		}
		errs[i] = sock.Connect(fd, c.Sockaddr(in.IP, port))
		unix.Close(fd)
	}
	if errs[0] != nil {
		return probes.Answer{}, probes.Try("connect", errs[0])
	}
	if !errors.Is(errs[1], unix.ECONNREFUSED) {
		return probes.Answer{}, probes.Wrong("connect", "to a service that listens only on %v it returned %v", lo.IP, errs[1])
	}
	return probes.Answer{
		Call: "connect", Errno: errs[1],
		Detail: fmt.Sprintf("a neighbour reached the service on %v, and not the one on %v", in.IP, lo.IP),
	}, nil
}

// sendAcross sends a datagram to the loopback address and then one to the interface's own.
// They arrive in this order or not at all. It returns the first, nil if it did not arrive.
func sendAcross(c netdev.Crossing) ([]byte, error) {
	in, out, lo := c.Ends()
	var fds [3]int
	if err := netdev.Enter(c.Inside); err != nil {
		return nil, err
	}
	for i, ip := range []net.IP{lo.IP, in.IP, out.IP} {
		if i == 2 {
			if err := netdev.Enter(c.Outside); err != nil {
				return nil, err
			}
		}
		var err error
		if fds[i], _, err = sock.Bound(c.Domain, unix.SOCK_DGRAM, c.Sockaddr(ip, loPort)); err != nil {
			return nil, err
		}
		defer unix.Close(fds[i])
	}
	for _, to := range []net.IP{lo.IP, in.IP} {
		if err := unix.Sendto(fds[2], probes.Pattern(100), 0, c.Sockaddr(to, loPort)); err != nil {
			return nil, probes.Try(fmt.Sprintf("sendto(%v)", to), err)
		}
	}
	if err := sock.Receive(fds[1], probes.Pattern(100)); err != nil {
		return nil, err
	}
	buf := make([]byte, 200)
	n, _, err := unix.Recvfrom(fds[0], buf, unix.MSG_DONTWAIT)
	if errors.Is(err, unix.EAGAIN) {
		return nil, nil
	}
	return buf[:max(n, 0)], probes.Try("recvfrom", err)
}

// droppedAcross expects the packet to be dropped: the destination 127/8 is martian on any
// interface but lo (net/ipv4/route.c:2318), and so is ::1 (net/ipv6/ip6_input.c:223).
func droppedAcross(c netdev.Crossing) (probes.Answer, error) {
	got, err := sendAcross(c)
	if err == nil && got != nil {
		err = probes.Wrong("recvfrom", "a packet from outside arrived at the loopback address")
	}
	return probes.Answer{Call: "recvfrom", Errno: unix.EAGAIN, Detail: "the packet was dropped; the one sent after it arrived"}, err
}

func arrivesAcross(c netdev.Crossing) (probes.Answer, error) {
	got, err := sendAcross(c)
	if err == nil && got == nil {
		err = probes.Wrong("recvfrom", "the packet was dropped although route_localnet is set")
	}
	return probes.Answer{Call: "recvfrom", Detail: "a packet from outside arrived at 127.0.0.1"}, err
}

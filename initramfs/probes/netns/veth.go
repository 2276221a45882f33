//go:build linux

package netns

import (
	"context"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/packet"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// acrossVeth joins two namespaces with a veth pair, and makes a socket in each that talks to
// the other. veth(4) itself needs neither IP nor any other family, so the sockets are of one
// that this kernel has: UDP, else frames. A socket stays in the namespace it was made in, so
// one thread that goes from one namespace to the other is enough.
func acrossVeth(context.Context) (probes.Answer, error) {
	end, value := udpEnd, "udp"
	p := sock.Pair{A: -1, B: -1}
	if sock.Has(unix.AF_INET, unix.SOCK_DGRAM) != nil {
		end, value, p.Head = frameEnd, "frames", frameHead()
	}
	defer func() { p.Close() }()
	err := netdev.InTwo(func(near, far *os.File) error {
		names, err := netdev.JoinVeth(near, far)
		if err == nil {
			p.A, err = end(names[0], 1, 2)
		}
		if err == nil {
			err = netdev.Enter(far)
		}
		if err == nil {
			p.B, err = end(names[1], 2, 1)
		}
		if err == nil {
			err = netdev.Enter(near)
		}
		if err == nil {
			err = netdev.Running(names[0])
		}
		return err
	})
	if err != nil {
		return probes.Answer{}, err
	}
	return probes.Answer{
		Call: "RTM_NEWLINK(veth)", Value: value,
		Detail: "two messages went each way between two namespaces and arrived as sent",
	}, p.Messages()
}

// udpEnd sets an interface up with the address 192.0.2.own (RFC 5737 keeps that net for
// examples), and connects a UDP socket there with 192.0.2.peer.
func udpEnd(name string, own, peer byte) (int, error) {
	if err := netdev.SetUp(name, &net.IPNet{IP: net.IPv4(192, 0, 2, own), Mask: net.CIDRMask(24, 32)}); err != nil {
		return -1, err
	}
	const port = 7777
	fd, _, err := sock.Bound(unix.AF_INET, unix.SOCK_DGRAM, &unix.SockaddrInet4{Port: port, Addr: [4]byte{192, 0, 2, own}})
	if err != nil {
		return -1, err
	}
	return fd, probes.Try("connect", sock.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{192, 0, 2, peer}}))
}

// frameEnd sets an interface up and binds a packet socket to it, for whole Ethernet frames of
// the test protocol.
func frameEnd(name string, _, _ byte) (int, error) {
	if err := netdev.SetUp(name); err != nil {
		return -1, err
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		return -1, probes.Try("RTM_GETLINK("+name+")", err)
	}
	fd, err := sock.New(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return -1, err
	}
	at := &unix.SockaddrLinklayer{Protocol: packet.Htons(packet.EtherTest), Ifindex: link.Attrs().Index}
	return fd, probes.Try("bind", unix.Bind(fd, at))
}

// frameHead is an Ethernet header of the test protocol: to everybody, from nobody.
func frameHead() []byte {
	head := make([]byte, 14)
	copy(head, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	head[12], head[13] = packet.EtherTest>>8, packet.EtherTest&0xff
	return head
}

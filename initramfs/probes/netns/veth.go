//go:build linux

package netns

import (
	"context"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/packet"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// acrossVeth makes two namespaces with a veth pair between them, and in each a socket
// that talks to the other's. veth(4) itself needs neither IP nor any other family, so
// the sockets are of one that this kernel has: UDP, else frames. A socket stays in the
// namespace it was made in, so one thread that goes from one to the other will do.
func acrossVeth(context.Context) (probes.Answer, error) {
	socket, value := udpEnd, "udp"
	if sock.Has(unix.AF_INET, unix.SOCK_DGRAM) != nil {
		socket, value = frameEnd, "frames"
	}
	var p sock.Pair
	err := netdev.OnThread(func() (err error) {
		p, err = vethPair(socket)
		return err
	})
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	if value == "frames" {
		p.Head = frameHead()
	}
	return probes.Answer{
		Call: "RTM_NEWLINK(veth)", Value: value,
		Detail: "two messages went each way between two namespaces and arrived as sent",
	}, p.Messages()
}

// endSocket makes a socket on an interface that is up, at address own, that talks to
// address peer.
type endSocket func(link netlink.Link, own, peer byte) (int, error)

func vethPair(socket endSocket) (sock.Pair, error) {
	far, err := netdev.New()
	if err != nil {
		return sock.Pair{}, err
	}
	defer far.Close()
	near, err := netdev.New()
	if err != nil {
		return sock.Pair{}, err
	}
	defer near.Close()
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "near"}, PeerName: "far",
		PeerNamespace: netlink.NsFd(int(far.Fd())),
	}
	// EOPNOTSUPP: "Unknown device type" (net/core/rtnetlink.c:3857).
	if err := probes.Try("RTM_NEWLINK(veth)", netlink.LinkAdd(veth), unix.EOPNOTSUPP); err != nil {
		return sock.Pair{}, err
	}
	a, err := vethEnd(socket, "near", 1, 2)
	if err != nil {
		return sock.Pair{}, err
	}
	b, err := -1, netdev.Enter(far)
	if err == nil {
		b, err = vethEnd(socket, "far", 2, 1)
	}
	if err == nil {
		err = netdev.Enter(near)
	}
	if err == nil {
		err = netdev.Running("near")
	}
	p := sock.Pair{A: a, B: b}
	if err != nil {
		p.Close()
		return sock.Pair{}, err
	}
	return p, nil
}

// vethEnd sets the interface called name up and makes a socket on it.
func vethEnd(socket endSocket, name string, own, peer byte) (int, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return -1, probes.Try("RTM_GETLINK("+name+")", err)
	}
	if err := probes.Try("RTM_NEWLINK("+name+" up)", netlink.LinkSetUp(link)); err != nil {
		return -1, err
	}
	return socket(link, own, peer)
}

// udpEnd returns the interface the address 192.0.2.own (RFC 5737 keeps that net for
// examples), and connects a UDP socket there with 192.0.2.peer.
func udpEnd(link netlink.Link, own, peer byte) (int, error) {
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 0, 2, own), Mask: net.CIDRMask(24, 32)}}
	if err := probes.Try("RTM_NEWADDR", netlink.AddrAdd(link, addr)); err != nil {
		return -1, err
	}
	const port = 7777
	fd, _, err := sock.Bound(unix.AF_INET, unix.SOCK_DGRAM, &unix.SockaddrInet4{Port: port, Addr: [4]byte{192, 0, 2, own}})
	if err != nil {
		return -1, err
	}
	to := &unix.SockaddrInet4{Port: port, Addr: [4]byte{192, 0, 2, peer}}
	if err := probes.Try("connect", sock.Connect(fd, to)); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// frameEnd binds a packet socket to the interface, for whole Ethernet frames of the
// test protocol.
func frameEnd(link netlink.Link, _, _ byte) (int, error) {
	fd, err := sock.New(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return -1, err
	}
	at := &unix.SockaddrLinklayer{Protocol: packet.Htons(packet.EtherTest), Ifindex: link.Attrs().Index}
	if err := probes.Try("bind", unix.Bind(fd, at)); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// frameHead is an Ethernet header: to all, from nobody, of the test protocol.
func frameHead() []byte {
	head := make([]byte, 14)
	copy(head, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	head[12], head[13] = packet.EtherTest>>8, packet.EtherTest&0xff
	return head
}

//go:build linux

package probes

import (
	"context"
	"net"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// acrossVeth makes two namespaces with a veth pair between them, and in each a socket
// that talks to the other's. veth(4) itself needs neither IP nor any other family, so
// the sockets are of one that this kernel has: UDP, else frames. A socket stays in the
// namespace it was made in, so one thread that goes from one to the other will do.
func acrossVeth(context.Context) (answer, error) {
	socket, value := udpEnd, "udp"
	if hasSocket(unix.AF_INET, unix.SOCK_DGRAM) != nil {
		socket, value = frameEnd, "frames"
	}
	var p pair
	err := onThread(func() (err error) {
		p, err = vethPair(socket)
		return err
	})
	if err != nil {
		return answer{}, err
	}
	defer p.close()
	if value == "frames" {
		p.head = frameHead()
	}
	return answer{
		call: "RTM_NEWLINK(veth)", value: value,
		detail: "two messages went each way between two namespaces and arrived as sent",
	}, p.messages()
}

// endSocket makes a socket on an interface that is up, at address own, that talks to
// address peer.
type endSocket func(link netlink.Link, own, peer byte) (int, error)

func vethPair(socket endSocket) (pair, error) {
	far, err := newNamespace()
	if err != nil {
		return pair{}, err
	}
	defer far.Close()
	near, err := newNamespace()
	if err != nil {
		return pair{}, err
	}
	defer near.Close()
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "near"}, PeerName: "far",
		PeerNamespace: netlink.NsFd(int(far.Fd())),
	}
	// EOPNOTSUPP: "Unknown device type" (net/core/rtnetlink.c:3857).
	if err := try("RTM_NEWLINK(veth)", netlink.LinkAdd(veth), unix.EOPNOTSUPP); err != nil {
		return pair{}, err
	}
	a, err := vethEnd(socket, "near", 1, 2)
	if err != nil {
		return pair{}, err
	}
	b, err := -1, enter(far)
	if err == nil {
		b, err = vethEnd(socket, "far", 2, 1)
	}
	if err == nil {
		err = enter(near)
	}
	if err == nil {
		err = running("near")
	}
	p := pair{a: a, b: b}
	if err != nil {
		p.close()
		return pair{}, err
	}
	return p, nil
}

// newNamespace takes the thread into a new namespace and gives it.
func newNamespace() (*os.File, error) {
	if err := unshareNet(); err != nil {
		return nil, err
	}
	return openNetns()
}

// enter takes the thread into a namespace.
func enter(namespace *os.File) error {
	return try("setns(CLONE_NEWNET)", unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET))
}

// running waits until an interface that is up can send. The carrier of veth's first end
// comes when the second is opened, its queue only when the kernel's linkwatch worker gets
// to it (net/core/link_watch.c:166); until then what is sent is dropped without a word.
func running(name string) error {
	for range 1000 {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return try("RTM_GETLINK("+name+")", err)
		}
		if link.Attrs().RawFlags&unix.IFF_RUNNING != 0 {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return wrong("RTM_GETLINK("+name+")", "it is up and does not run, though the other end is up")
}

// setUp returns an interface of the thread's namespace addresses and sets it up. IPv6 need
// not ask first whether somebody else has them.
func setUp(name string, addrs ...*net.IPNet) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return try("RTM_GETLINK("+name+")", err)
	}
	for _, a := range addrs {
		addr := &netlink.Addr{IPNet: a}
		if a.IP.To4() == nil {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := try("RTM_NEWADDR", netlink.AddrAdd(link, addr)); err != nil {
			return err
		}
	}
	return try("RTM_NEWLINK("+name+" up)", netlink.LinkSetUp(link))
}

// vethEnd sets the interface called name up and makes a socket on it.
func vethEnd(socket endSocket, name string, own, peer byte) (int, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return -1, try("RTM_GETLINK("+name+")", err)
	}
	if err := try("RTM_NEWLINK("+name+" up)", netlink.LinkSetUp(link)); err != nil {
		return -1, err
	}
	return socket(link, own, peer)
}

// udpEnd returns the interface the address 192.0.2.own (RFC 5737 keeps that net for
// examples), and connects a UDP socket there with 192.0.2.peer.
func udpEnd(link netlink.Link, own, peer byte) (int, error) {
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(192, 0, 2, own), Mask: net.CIDRMask(24, 32)}}
	if err := try("RTM_NEWADDR", netlink.AddrAdd(link, addr)); err != nil {
		return -1, err
	}
	const port = 7777
	fd, _, err := bound(unix.AF_INET, unix.SOCK_DGRAM, &unix.SockaddrInet4{Port: port, Addr: [4]byte{192, 0, 2, own}})
	if err != nil {
		return -1, err
	}
	to := &unix.SockaddrInet4{Port: port, Addr: [4]byte{192, 0, 2, peer}}
	if err := try("connect", connect(fd, to)); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// frameEnd binds a packet socket to the interface, for whole Ethernet frames of the
// test protocol.
func frameEnd(link netlink.Link, _, _ byte) (int, error) {
	fd, err := socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return -1, err
	}
	at := &unix.SockaddrLinklayer{Protocol: htons(etherTest), Ifindex: link.Attrs().Index}
	if err := try("bind", unix.Bind(fd, at)); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// frameHead is an Ethernet header: to all, from nobody, of the test protocol.
func frameHead() []byte {
	head := make([]byte, 14)
	copy(head, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	head[12], head[13] = etherTest>>8, etherTest&0xff
	return head
}

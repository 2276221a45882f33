//go:build linux

// Package sock makes the sockets of the probes and exchanges data through them. It runs in the
// guest; its tests also run on the host.
package sock

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
)

// New makes a socket whose calls do not wait for ever. Without CONFIG_NET the
// call is a stub that answers ENOSYS (kernel/sys_ni.c:142); without the family it
// is EAFNOSUPPORT (net/socket.c:1545); a netlink or inet protocol that is not there
// is EPROTONOSUPPORT (net/netlink/af_netlink.c:677, net/ipv4/af_inet.c:288).
func New(domain, typ, proto int) (int, error) {
	call := Call("socket", domain, typ)
	fd, err := unix.Socket(domain, typ|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return -1, probes.Try(call, err, unix.ENOSYS, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT)
	}
	if err := setPatience(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setPatience(fd int) error {
	limit := unix.Timeval{Sec: probes.Patience}
	err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	if err == nil {
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit)
	}
	return probes.Try("setsockopt(SO_RCVTIMEO)", err)
}

// Has asks only whether such a socket can be made.
func Has(domain, typ int) error {
	fd, err := New(domain, typ, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// Call writes a call as a manual page would.
func Call(name string, domain, typ int) string {
	domains := map[int]string{
		unix.AF_INET: "AF_INET", unix.AF_INET6: "AF_INET6", unix.AF_UNIX: "AF_UNIX",
		unix.AF_NETLINK: "AF_NETLINK", unix.AF_PACKET: "AF_PACKET", unix.AF_ALG: "AF_ALG", unix.AF_VSOCK: "AF_VSOCK",
	}
	types := map[int]string{
		unix.SOCK_STREAM: "SOCK_STREAM", unix.SOCK_DGRAM: "SOCK_DGRAM",
		unix.SOCK_RAW: "SOCK_RAW", unix.SOCK_SEQPACKET: "SOCK_SEQPACKET",
	}
	return fmt.Sprintf("%s(%s, %s)", name, domains[domain], types[typ])
}

// Pair is two sockets that can talk to each other, and what else is to be closed.
type Pair struct {
	A, B int
	more []int
	Head []byte // stands before every message
}

func (p Pair) Close() {
	for _, fd := range append(p.more, p.A, p.B) {
		unix.Close(fd)
	}
}

// Reach is try for a call to or from an IP address. What is conclusive is that no interface
// that is up has it, or that no way leads there: of lo's addresses these say that lo is
// down (net/ipv4/af_inet.c:502, net/ipv6/af_inet6.c:384, net/ipv4/route.c:2769).
func Reach(call string, err error) error {
	return probes.Try(call, err, unix.EADDRNOTAVAIL, unix.ENETUNREACH, unix.ENETDOWN)
}

// Bound makes a socket bound to an address and gives the address it got.
func Bound(domain, typ int, at unix.Sockaddr) (int, unix.Sockaddr, error) {
	fd, err := New(domain, typ, 0)
	if err != nil {
		return -1, nil, err
	}
	if err := unix.Bind(fd, at); err != nil {
		unix.Close(fd)
		return -1, nil, Reach("bind", err)
	}
	got, err := unix.Getsockname(fd)
	if err != nil {
		unix.Close(fd)
		return -1, nil, probes.Try("getsockname", err)
	}
	return fd, got, nil
}

// Listening makes a socket that listens at an address, and gives the address it got.
func Listening(domain, typ int, at unix.Sockaddr) (int, unix.Sockaddr, error) {
	fd, got, err := Bound(domain, typ, at)
	if err != nil {
		return -1, nil, err
	}
	if err := unix.Listen(fd, 4); err != nil {
		unix.Close(fd)
		return -1, nil, probes.Try("listen", err)
	}
	return fd, got, nil
}

// Connected makes two ends of one connection through a listener at an address.
func Connected(domain, typ int, at unix.Sockaddr) (Pair, error) {
	l, got, err := Listening(domain, typ, at)
	if err != nil {
		return Pair{}, err
	}
	return ConnectTo(domain, typ, l, got)
}

// ConnectTo connects to the listener l and accepts; the pair owns l.
func ConnectTo(domain, typ, l int, at unix.Sockaddr) (Pair, error) {
	p := Pair{A: -1, B: -1, more: []int{l}}
	client, err := New(domain, typ, 0)
	if err != nil {
		p.Close()
		return Pair{}, err
	}
	p.A = client
	if err := Connect(client, at); err != nil {
		p.Close()
		return Pair{}, Reach("connect", err)
	}
	p.B, err = probes.Again(func() (int, error) {
		fd, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
		return fd, err
	})
	if err == nil {
		err = setPatience(p.B)
	}
	if err != nil {
		p.Close()
		return Pair{}, probes.Try("accept", err)
	}
	return p, nil
}

// Connect is connect(2). After a signal the connection goes on being made, and
// asking again gives EISCONN once it is.
func Connect(fd int, at unix.Sockaddr) error {
	_, err := probes.Again(func() (int, error) { return 0, unix.Connect(fd, at) })
	if errors.Is(err, unix.EISCONN) {
		return nil
	}
	return err
}

// Datagrams makes two bound datagram sockets, each connected to the other.
func Datagrams(domain int, at, other unix.Sockaddr) (Pair, error) {
	a, atA, err := Bound(domain, unix.SOCK_DGRAM, at)
	if err != nil {
		return Pair{}, err
	}
	b, atB, err := Bound(domain, unix.SOCK_DGRAM, other)
	if err != nil {
		unix.Close(a)
		return Pair{}, err
	}
	p := Pair{A: a, B: b}
	for fd, to := range map[int]unix.Sockaddr{a: atB, b: atA} {
		if err := Connect(fd, to); err != nil {
			p.Close()
			return Pair{}, Reach("connect", err)
		}
	}
	return p, nil
}

// Port is the port of an address of IP, 0 for any other.
func Port(at unix.Sockaddr) int {
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return at.Port
	case *unix.SockaddrInet6:
		return at.Port
	}
	return 0
}

// Loopback is the loopback address of an IP family, any port.
func Loopback(domain int) unix.Sockaddr {
	if domain == unix.AF_INET6 {
		return &unix.SockaddrInet6{Addr: [16]byte{15: 1}}
	}
	return &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
}

// Route asks only whether there is a socket to talk to rtnetlink.
func Route() error {
	fd, err := New(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// Socketpair is socketpair(2): a call of its own, which other families refuse and
// which programs use that never call socket(2) (nginx, Erlang, squid).
func Socketpair(typ int) (Pair, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Pair{}, probes.Try(Call("socketpair", unix.AF_UNIX, typ), err, unix.ENOSYS, unix.EAFNOSUPPORT)
	}
	p := Pair{A: fds[0], B: fds[1]}
	for _, fd := range fds {
		if err := setPatience(fd); err != nil {
			p.Close()
			return Pair{}, err
		}
	}
	return p, nil
}

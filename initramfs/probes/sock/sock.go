//go:build linux

// Package sock makes the sockets of the probes and exchanges data through them. It runs in the
// guest; its tests also run on the host.
package sock

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
)

// New makes a socket whose calls have a time limit. Without CONFIG_NET the call is a stub
// that returns ENOSYS (kernel/sys_ni.c:142). It returns EAFNOSUPPORT without the family
// (net/socket.c:1545), and EPROTONOSUPPORT without the netlink or inet protocol
// (net/netlink/af_netlink.c:677, net/ipv4/af_inet.c:288).
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

// With returns an Ask that passes a socket to ask and closes it afterwards. A copy for each
// caller would make the guest larger.
//
//go:noinline
func With(domain, typ, proto int, ask func(fd int) (probes.Answer, error)) probes.Ask {
	return func(context.Context) (probes.Answer, error) {
		fd, err := New(domain, typ, proto)
		if err != nil {
			return probes.Answer{}, err
		}
		defer unix.Close(fd)
		return ask(fd)
	}
}

// Has checks that such a socket can be made.
func Has(domain, typ int) error {
	fd, err := New(domain, typ, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// Call returns a call as a manual page writes it.
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

// Pair is two sockets that can talk to each other.
type Pair struct {
	A, B int
	// Head precedes every message of Messages.
	Head []byte
	more []int // to be closed too
}

// Close closes both sockets, and the listener that they were connected through.
func (p Pair) Close() {
	for _, fd := range append(p.more, p.A, p.B) {
		unix.Close(fd)
	}
}

// Reach is Try for a call to or from an IP address. Absence is proved if no interface that
// is up has the address, or no route leads there; for lo's addresses this means that lo is
// down (net/ipv4/af_inet.c:502, net/ipv6/af_inet6.c:384, net/ipv4/route.c:2769).
func Reach(call string, err error) error {
	return probes.Try(call, err, unix.EADDRNOTAVAIL, unix.ENETUNREACH, unix.ENETDOWN)
}

// Bound makes a socket bound to an address and returns it with the address it got.
func Bound(domain, typ int, at unix.Sockaddr) (fd int, got unix.Sockaddr, err error) {
	fd, err = New(domain, typ, 0)
	if err != nil {
		return -1, nil, err
	}
	if err = Reach("bind", unix.Bind(fd, at)); err == nil {
		got, err = unix.Getsockname(fd)
		err = probes.Try("getsockname", err)
	}
	if err != nil {
		unix.Close(fd)
		return -1, nil, err
	}
	return fd, got, nil
}

// Listening makes a socket that listens at an address and returns it with the address it got.
func Listening(domain, typ int, at unix.Sockaddr) (fd int, got unix.Sockaddr, err error) {
	fd, got, err = Bound(domain, typ, at)
	if err != nil {
		return -1, nil, err
	}
	if err := unix.Listen(fd, 4); err != nil {
		unix.Close(fd)
		return -1, nil, probes.Try("listen", err)
	}
	return fd, got, nil
}

// Connected makes the two ends of a connection through a listener at an address.
func Connected(domain, typ int, at unix.Sockaddr) (Pair, error) {
	l, got, err := Listening(domain, typ, at)
	if err != nil {
		return Pair{}, err
	}
	return ConnectTo(domain, typ, l, got)
}

// ConnectTo connects to the listener l and accepts. The pair owns l.
func ConnectTo(domain, typ, l int, at unix.Sockaddr) (p Pair, err error) {
	p = Pair{A: -1, B: -1, more: []int{l}}
	if p.A, err = New(domain, typ, 0); err == nil {
		err = Reach("connect", Connect(p.A, at))
	}
	if err == nil {
		p.B, err = probes.Again(func() (int, error) {
			fd, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
			return fd, err
		})
		err = probes.Try("accept", err)
	}
	if err == nil {
		err = setPatience(p.B)
	}
	if err != nil {
		p.Close()
		return Pair{}, err
	}
	return p, nil
}

// Connect is connect(2). After a signal the kernel goes on connecting, and a second call
// returns EISCONN once it has connected.
func Connect(fd int, at unix.Sockaddr) error {
	_, err := probes.Again(func() (int, error) { return 0, unix.Connect(fd, at) })
	if errors.Is(err, unix.EISCONN) {
		return nil
	}
	return err
}

// Datagrams makes two bound datagram sockets, each connected to the other.
func Datagrams(domain int, at, other unix.Sockaddr) (p Pair, err error) {
	var atA, atB unix.Sockaddr
	p = Pair{A: -1, B: -1}
	if p.A, atA, err = Bound(domain, unix.SOCK_DGRAM, at); err == nil {
		p.B, atB, err = Bound(domain, unix.SOCK_DGRAM, other)
	}
	if err == nil {
		err = Reach("connect", Connect(p.A, atB))
	}
	if err == nil {
		err = Reach("connect", Connect(p.B, atA))
	}
	if err != nil {
		p.Close()
		return Pair{}, err
	}
	return p, nil
}

// Loopback returns the loopback address of an IP family, with any port.
func Loopback(domain int) unix.Sockaddr {
	if domain == unix.AF_INET6 {
		return &unix.SockaddrInet6{Addr: [16]byte{15: 1}}
	}
	return &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
}

// Route checks that there is a socket to talk to rtnetlink.
func Route() error { return Has(unix.AF_NETLINK, unix.SOCK_RAW) }

// Socketpair is socketpair(2), which only AF_UNIX supports. Some programs use it and never
// call socket(2): nginx, Erlang, squid.
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

// Pipe returns a pipe that is read at A and written at B.
func Pipe() (Pair, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return Pair{}, probes.Try("pipe2", err)
	}
	return Pair{A: ends[0], B: ends[1]}, nil
}

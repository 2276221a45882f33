//go:build linux

package probes

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// patience is how long a call on a socket of a probe waits, in seconds: well over
// what an emulated guest needs, well below a probe's deadline, so that a probe still
// says itself which call got no answer.
const patience = 4

// socket makes a socket whose calls do not wait for ever. Without CONFIG_NET the
// call is a stub that answers ENOSYS (kernel/sys_ni.c:142); without the family it
// is EAFNOSUPPORT (net/socket.c:1545); a netlink or inet protocol that is not there
// is EPROTONOSUPPORT (net/netlink/af_netlink.c:677, net/ipv4/af_inet.c:288).
func socket(domain, typ, proto int) (int, error) {
	call := socketCall("socket", domain, typ)
	fd, err := unix.Socket(domain, typ|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return -1, try(call, err, unix.ENOSYS, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT)
	}
	if err := setPatience(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setPatience(fd int) error {
	limit := unix.Timeval{Sec: patience}
	err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	if err == nil {
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit)
	}
	return try("setsockopt(SO_RCVTIMEO)", err)
}

// hasSocket asks only whether such a socket can be made.
func hasSocket(domain, typ int) error {
	fd, err := socket(domain, typ, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// socketCall writes a call as a manual page would.
func socketCall(name string, domain, typ int) string {
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

// again repeats a call that a signal cut short. Go's scheduler sends itself SIGURG,
// and a socket with a time limit is not restarted by SA_RESTART.
func again[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

// pair is two sockets that can talk to each other, and what else is to be closed.
type pair struct {
	a, b int
	more []int
	head []byte // stands before every message
}

func (p pair) close() {
	for _, fd := range append(p.more, p.a, p.b) {
		unix.Close(fd)
	}
}

// reach is try for a call to or from an IP address. What is conclusive is that no interface
// that is up has it, or that no way leads there: of lo's addresses these say that lo is
// down (net/ipv4/af_inet.c:502, net/ipv6/af_inet6.c:384, net/ipv4/route.c:2769).
func reach(call string, err error) error {
	return try(call, err, unix.EADDRNOTAVAIL, unix.ENETUNREACH, unix.ENETDOWN)
}

// bound makes a socket bound to an address and gives the address it got.
func bound(domain, typ int, at unix.Sockaddr) (int, unix.Sockaddr, error) {
	fd, err := socket(domain, typ, 0)
	if err != nil {
		return -1, nil, err
	}
	if err := unix.Bind(fd, at); err != nil {
		unix.Close(fd)
		return -1, nil, reach("bind", err)
	}
	got, err := unix.Getsockname(fd)
	if err != nil {
		unix.Close(fd)
		return -1, nil, try("getsockname", err)
	}
	return fd, got, nil
}

// listening makes a socket that listens at an address, and gives the address it got.
func listening(domain, typ int, at unix.Sockaddr) (int, unix.Sockaddr, error) {
	fd, got, err := bound(domain, typ, at)
	if err != nil {
		return -1, nil, err
	}
	if err := unix.Listen(fd, 4); err != nil {
		unix.Close(fd)
		return -1, nil, try("listen", err)
	}
	return fd, got, nil
}

// connected makes two ends of one connection through a listener at an address.
func connected(domain, typ int, at unix.Sockaddr) (pair, error) {
	l, got, err := listening(domain, typ, at)
	if err != nil {
		return pair{}, err
	}
	return connectTo(domain, typ, l, got)
}

// connectTo connects to the listener l and accepts; the pair owns l.
func connectTo(domain, typ, l int, at unix.Sockaddr) (pair, error) {
	p := pair{a: -1, b: -1, more: []int{l}}
	client, err := socket(domain, typ, 0)
	if err != nil {
		p.close()
		return pair{}, err
	}
	p.a = client
	if err := connect(client, at); err != nil {
		p.close()
		return pair{}, reach("connect", err)
	}
	p.b, err = again(func() (int, error) {
		fd, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
		return fd, err
	})
	if err == nil {
		err = setPatience(p.b)
	}
	if err != nil {
		p.close()
		return pair{}, try("accept", err)
	}
	return p, nil
}

// connect is connect(2). After a signal the connection goes on being made, and
// asking again gives EISCONN once it is.
func connect(fd int, at unix.Sockaddr) error {
	_, err := again(func() (int, error) { return 0, unix.Connect(fd, at) })
	if errors.Is(err, unix.EISCONN) {
		return nil
	}
	return err
}

// datagramPair makes two bound datagram sockets, each connected to the other.
func datagramPair(domain int, at, other unix.Sockaddr) (pair, error) {
	a, atA, err := bound(domain, unix.SOCK_DGRAM, at)
	if err != nil {
		return pair{}, err
	}
	b, atB, err := bound(domain, unix.SOCK_DGRAM, other)
	if err != nil {
		unix.Close(a)
		return pair{}, err
	}
	p := pair{a: a, b: b}
	for fd, to := range map[int]unix.Sockaddr{a: atB, b: atA} {
		if err := connect(fd, to); err != nil {
			p.close()
			return pair{}, reach("connect", err)
		}
	}
	return p, nil
}

// pattern is n bytes in which no two places a power of two apart are alike for long.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8*13)
	}
	return p
}

// stream sends n bytes each way and checks each of them.
func (p pair) stream(n int) error {
	if err := flow(p.a, p.b, pattern(n)); err != nil {
		return err
	}
	return flow(p.b, p.a, pattern(n))
}

// flow sends data from one end, while it reads and checks it at the other.
func flow(from, to int, data []byte) error {
	sent := make(chan error, 1)
	go func() {
		_, err := descriptor(from).Write(data)
		sent <- try("write", err)
	}()
	err := receive(to, data)
	// The writer is waited for in any case: it would go on writing to a number that
	// may by then belong to another probe's socket.
	if werr := <-sent; err == nil {
		err = werr
	}
	return err
}

// receive reads until it has as many bytes as data, and checks that they are the same.
func receive(from int, data []byte) error {
	got := make([]byte, 0, len(data))
	buf := make([]byte, 16<<10)
	for len(got) < len(data) {
		n, err := again(func() (int, error) { return unix.Read(from, buf) })
		if err != nil {
			return try("read", err)
		}
		if n == 0 {
			return wrong("read", "end of stream after %d of %d bytes", len(got), len(data))
		}
		got = append(got, buf[:n]...)
	}
	if !bytes.Equal(got, data) {
		return wrong("read", "got other bytes than were sent")
	}
	return nil
}

// messages sends two messages of different size each way and checks that each
// arrives by itself and whole.
func (p pair) messages() error {
	for _, way := range [][2]int{{p.a, p.b}, {p.b, p.a}} {
		sent := [][]byte{slices.Concat(p.head, pattern(1000)), slices.Concat(p.head, pattern(37))}
		for _, m := range sent {
			if _, err := again(func() (int, error) { return unix.Write(way[0], m) }); err != nil {
				return try("write", err)
			}
		}
		for _, m := range sent {
			buf := make([]byte, 2048)
			n, err := again(func() (int, error) { return unix.Read(way[1], buf) })
			if err != nil {
				return try("read", err)
			}
			if !bytes.Equal(buf[:n], m) {
				return wrong("read", "got a message of %d bytes that is not the one of %d sent", n, len(m))
			}
		}
	}
	return nil
}

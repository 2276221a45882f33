//go:build linux

package socket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/packet"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// chat makes each of three clients say something that the other two must receive.
func chat(context.Context) (probes.Answer, error) {
	l, at, err := sock.Listening(unix.AF_INET, unix.SOCK_STREAM, sock.Loopback(unix.AF_INET))
	if err != nil {
		return probes.Answer{}, err
	}
	served := make(chan error, 1)
	go func() { served <- chatServer(l) }()
	err = chatAt(at)
	unix.Shutdown(l, unix.SHUT_RD) // ends the server
	if serr := <-served; err == nil {
		err = serr
	}
	unix.Close(l)
	return probes.Answer{Call: "poll", Detail: "each of three clients received the words of the other two"}, err
}

// chatAt runs the clients.
func chatAt(at unix.Sockaddr) error {
	var clients [3]int
	for i := range clients {
		fd, err := sock.New(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := sock.Connect(fd, at); err != nil {
			return sock.Reach("connect", err)
		}
		// Until the server has said hello it may not know this client.
		if err := sock.Receive(fd, []byte("hello\n")); err != nil {
			return err
		}
		clients[i] = fd
	}
	for i, speaker := range clients {
		words := fmt.Appendf(nil, "this is client %d\n", i)
		if _, err := sock.Descriptor(speaker).Write(words); err != nil {
			return probes.Try("write", err)
		}
		for j, fd := range clients {
			if j == i {
				continue
			}
			if err := sock.Receive(fd, words); err != nil {
				return fmt.Errorf("client %d: %w", j, err)
			}
		}
	}
	return nil
}

// chatServer polls until its listener is shut down, and then closes its clients.
func chatServer(l int) error {
	set := []unix.PollFd{{Fd: int32(l), Events: unix.POLLIN}}
	defer func() {
		for _, c := range set[1:] {
			unix.Close(int(c.Fd))
		}
	}()
	buf := make([]byte, 4096)
	for {
		if _, err := probes.Again(func() (int, error) { return unix.Poll(set, probes.Patience*1000) }); err != nil {
			return probes.Try("poll", err)
		}
		if set[0].Revents&unix.POLLHUP != 0 {
			return nil
		}
		if set[0].Revents&unix.POLLIN != 0 {
			fd, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
			if err == nil {
				_, err = sock.Descriptor(fd).Write([]byte("hello\n"))
				set = append(set, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
			}
			if err != nil {
				return probes.Try("accept", err)
			}
			continue
		}
		for i, c := range slices.Clone(set) {
			if i == 0 || c.Revents&unix.POLLIN == 0 {
				continue
			}
			n, err := sock.Descriptor(c.Fd).Read(buf)
			if errors.Is(err, io.EOF) {
				set[i].Fd = -1 // poll and the loop below skip it
				unix.Close(int(c.Fd))
				continue
			}
			if err != nil {
				return probes.Try("read", err)
			}
			for j, other := range set[1:] {
				if j+1 != i && other.Fd >= 0 {
					_, _ = sock.Descriptor(other.Fd).Write(buf[:n]) // a client that has gone misses it
				}
			}
		}
	}
}

// anyAddress returns a server's socket on every address, and its port: one of IPv6, which
// accepts IPv4 too, or else of IPv4.
func anyAddress(typ int) (fd, port int, err error) {
	fd, at, err := sock.Bound(unix.AF_INET6, typ, &unix.SockaddrInet6{})
	if err != nil {
		fd, at, err = sock.Bound(unix.AF_INET, typ, &unix.SockaddrInet4{})
	}
	return fd, portOf(at), err
}

// portOf returns the port of an IP address, 0 for any other.
func portOf(at unix.Sockaddr) int {
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return at.Port
	case *unix.SockaddrInet6:
		return at.Port
	}
	return 0
}

// localhostInTurn tries the addresses of localhost, in the order of getaddrinfo(3), and returns
// the first for which f returns no error.
func localhostInTurn(ctx context.Context, port int, f func(domain int, to unix.Sockaddr) error) (string, error) {
	names, err := net.DefaultResolver.LookupHost(ctx, "localhost")
	if err != nil {
		return "", probes.Try("lookup(localhost)", err)
	}
	slices.Sort(names)    // whatever the resolver's order:
	slices.Reverse(names) // ::1 first, as in RFC 6724
	for _, name := range names {
		ip, perr := netip.ParseAddr(name)
		switch {
		case perr != nil:
			err = perr
		case ip.Is4():
			err = f(unix.AF_INET, &unix.SockaddrInet4{Addr: ip.As4(), Port: port})
		default:
			err = f(unix.AF_INET6, &unix.SockaddrInet6{Addr: ip.As16(), Port: port})
		}
		if err == nil {
			return name, nil
		}
	}
	return "", err
}

func streamTutorial(ctx context.Context) (probes.Answer, error) {
	hello := []byte("Hello, world!")
	l, port, err := anyAddress(unix.SOCK_STREAM)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(l)
	if err := unix.Listen(l, 10); err != nil {
		return probes.Answer{}, probes.Try("listen", err)
	}
	reached, err := localhostInTurn(ctx, port, func(domain int, to unix.Sockaddr) error {
		fd, err := sock.New(domain, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := sock.Connect(fd, to); err != nil {
			return sock.Reach("connect", err)
		}
		served, err := probes.Syscall(unix.SYS_ACCEPT4, uintptr(l), 0, 0, unix.SOCK_CLOEXEC)
		if err != nil {
			return probes.Try("accept", err)
		}
		_, err = sock.Descriptor(served).Write(hello)
		unix.Close(served)
		if err != nil {
			return probes.Try("write", err)
		}
		got, err := io.ReadAll(sock.Descriptor(fd))
		if err == nil && !bytes.Equal(got, hello) {
			err = fmt.Errorf("the server said %q", got)
		}
		return probes.Try("read", err)
	})
	return probes.Answer{Call: "connect", Value: reached, Detail: "the server said hello and closed"}, err
}

func datagramTutorial(ctx context.Context) (probes.Answer, error) {
	words := []byte("talker: netstrip")
	ear, port, err := anyAddress(unix.SOCK_DGRAM)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(ear)
	reached, err := localhostInTurn(ctx, port, func(domain int, to unix.Sockaddr) error {
		fd, err := sock.New(domain, unix.SOCK_DGRAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, words, 0, to); err != nil {
			return sock.Reach("sendto", err)
		}
		return sock.Receive(ear, words)
	})
	return probes.Answer{Call: "sendto", Value: reached, Detail: "the server received the client's words"}, err
}

// pingAll pings 127.n.n.n for every n, but 127.0.0.1 instead of the first, and the last address
// that is not a broadcast address. Each reply must come from the address that was pinged.
func pingAll(fd int) (probes.Answer, error) {
	for n := range 256 {
		to := [4]byte{127, byte(n), byte(n), byte(n)}
		switch n {
		case 0:
			to[3] = 1
		case 255:
			to[3] = 254
		}
		request := packet.Echo(packet.EchoRequest, 7, uint16(n), probes.Pattern(8))
		if err := unix.Sendto(fd, request, 0, &unix.SockaddrInet4{Addr: to}); err != nil {
			return probes.Answer{}, sock.Reach("sendto", err)
		}
		want := packet.Echo(packet.EchoReply, 7, uint16(n), probes.Pattern(8))
		err := sock.Await(fd, func(data []byte, from unix.Sockaddr) bool {
			sender, ok := from.(*unix.SockaddrInet4)
			return ok && sender.Addr == to && bytes.Equal(packet.ICMP(data), want)
		})
		if err != nil {
			return probes.Answer{}, fmt.Errorf("%v: %w", netip.AddrFrom4(to), err)
		}
	}
	return probes.Answer{
		Call: sock.Call("socket", unix.AF_INET, unix.SOCK_RAW), Value: "256 of 256",
		Detail: "127.0.0.1, 127.n.n.n for every other n, and 127.255.255.254 answered",
	}, nil
}

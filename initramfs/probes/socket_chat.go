//go:build linux

package probes

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
)

// chatProbes ask for what the tutorials of socket programming have their readers write.
func chatProbes() []Probe {
	return []Probe{
		{
			ID:       "socket/tcp4/chat",
			Question: "Does a chat server that polls carry each of three clients' words to the others?",
			ask:      chat,
		},
		{
			ID:       "socket/tutorial/stream",
			Question: "Does a client that tries the addresses of localhost in turn reach a stream server?",
			ask:      streamTutorial,
		},
		{
			ID:       "socket/tutorial/datagram",
			Question: "Does a talker that tries the addresses of localhost in turn reach a listener?",
			ask:      datagramTutorial,
		},
		{
			ID:       "socket/raw4/all-of-127",
			Question: "Do addresses from all over 127.0.0.0/8 answer a ping, each by itself?",
			ask:      pingAll,
		},
	}
}

// chat has three clients each say something that the other two must hear.
func chat(context.Context) (answer, error) {
	l, at, err := listening(unix.AF_INET, unix.SOCK_STREAM, loopback(unix.AF_INET))
	if err != nil {
		return answer{}, err
	}
	served := make(chan error, 1)
	go func() { served <- chatServer(l) }()
	err = chatAt(at)
	unix.Shutdown(l, unix.SHUT_RD) // by which the server ends
	if serr := <-served; err == nil {
		err = serr
	}
	unix.Close(l)
	return answer{call: "poll", detail: "each of three heard what the other two said"}, err
}

// chatAt is the clients' part.
func chatAt(at unix.Sockaddr) error {
	var clients [3]int
	for i := range clients {
		fd, err := socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := connect(fd, at); err != nil {
			return reach("connect", err)
		}
		// The server says hello: until then it may not know this one to tell things to.
		if err := receive(fd, []byte("hello\n")); err != nil {
			return err
		}
		clients[i] = fd
	}
	for i, speaker := range clients {
		words := fmt.Appendf(nil, "this is client %d\n", i)
		if _, err := descriptor(speaker).Write(words); err != nil {
			return try("write", err)
		}
		for j, fd := range clients {
			if j == i {
				continue
			}
			if err := receive(fd, words); err != nil {
				return fmt.Errorf("client %d: %w", j, err)
			}
		}
	}
	return nil
}

// chatServer polls until its listener is shut down, and takes the clients with it.
func chatServer(l int) error {
	set := []unix.PollFd{{Fd: int32(l), Events: unix.POLLIN}}
	defer func() {
		for _, c := range set[1:] {
			unix.Close(int(c.Fd))
		}
	}()
	buf := make([]byte, 4096)
	for {
		if _, err := again(func() (int, error) { return unix.Poll(set, patience*1000) }); err != nil {
			return try("poll", err)
		}
		if set[0].Revents&unix.POLLHUP != 0 {
			return nil
		}
		if set[0].Revents&unix.POLLIN != 0 {
			fd, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
			if err == nil {
				_, err = descriptor(fd).Write([]byte("hello\n"))
				set = append(set, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
			}
			if err != nil {
				return try("accept", err)
			}
			continue
		}
		for i, c := range slices.Clone(set) {
			if i == 0 || c.Revents&unix.POLLIN == 0 {
				continue
			}
			n, err := descriptor(c.Fd).Read(buf)
			if errors.Is(err, io.EOF) {
				set[i].Fd = -1 // poll passes over it, and nobody speaks to it
				unix.Close(int(c.Fd))
				continue
			}
			if err != nil {
				return try("read", err)
			}
			for j, other := range set[1:] {
				if j+1 != i && other.Fd >= 0 {
					_, _ = descriptor(other.Fd).Write(buf[:n]) // who has gone does not hear
				}
			}
		}
	}
}

// anyAddress is a socket of a server on every address, and its port: IPv6's, which takes
// IPv4 too, or where there is none, IPv4's.
func anyAddress(typ int) (fd, port int, err error) {
	fd, at, err := bound(unix.AF_INET6, typ, &unix.SockaddrInet6{})
	if err != nil {
		fd, at, err = bound(unix.AF_INET, typ, &unix.SockaddrInet4{})
	}
	return fd, portOf(at), err
}

// portOf is the port of an address of IP, 0 for any other.
func portOf(at unix.Sockaddr) int {
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return at.Port
	case *unix.SockaddrInet6:
		return at.Port
	}
	return 0
}

// localhostInTurn tries the addresses of localhost, as getaddrinfo(3) would give them,
// until f is content with one, which it gives.
func localhostInTurn(ctx context.Context, port int, f func(domain int, to unix.Sockaddr) error) (string, error) {
	names, err := net.DefaultResolver.LookupHost(ctx, "localhost")
	if err != nil {
		return "", try("lookup(localhost)", err)
	}
	slices.Sort(names)    // an order that does not depend on the resolver:
	slices.Reverse(names) // ::1 first, as RFC 6724 has it
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

func streamTutorial(ctx context.Context) (answer, error) {
	hello := []byte("Hello, world!")
	l, port, err := anyAddress(unix.SOCK_STREAM)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(l)
	if err := unix.Listen(l, 10); err != nil {
		return answer{}, try("listen", err)
	}
	reached, err := localhostInTurn(ctx, port, func(domain int, to unix.Sockaddr) error {
		fd, err := socket(domain, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := connect(fd, to); err != nil {
			return reach("connect", err)
		}
		served, err := syscallOf(unix.SYS_ACCEPT4, uintptr(l), 0, 0, unix.SOCK_CLOEXEC)
		if err != nil {
			return try("accept", err)
		}
		_, err = descriptor(served).Write(hello)
		unix.Close(served)
		if err != nil {
			return try("write", err)
		}
		got, err := io.ReadAll(descriptor(fd))
		if err == nil && !bytes.Equal(got, hello) {
			err = fmt.Errorf("the server said %q", got)
		}
		return try("read", err)
	})
	return answer{call: "connect", value: reached, detail: "the server said hello and closed"}, err
}

func datagramTutorial(ctx context.Context) (answer, error) {
	words := []byte("talker: netstrip")
	ear, port, err := anyAddress(unix.SOCK_DGRAM)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(ear)
	reached, err := localhostInTurn(ctx, port, func(domain int, to unix.Sockaddr) error {
		fd, err := socket(domain, unix.SOCK_DGRAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, words, 0, to); err != nil {
			return reach("sendto", err)
		}
		return receive(ear, words)
	})
	return answer{call: "sendto", value: reached, detail: "the listener got the talker's words"}, err
}

// pingAll pings 127.n.n.n for every n, and the last address that is no broadcast. The
// answer must come from the very address that was asked.
func pingAll(context.Context) (answer, error) {
	fd, err := socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 2048)
	for n := range 256 {
		to := [4]byte{127, byte(n), byte(n), byte(n)}
		switch n {
		case 0:
			to[3] = 1
		case 255:
			to[3] = 254
		}
		if err := unix.Sendto(fd, echoMessage(icmpEchoRequest, 7, uint16(n), pattern(8)), 0, &unix.SockaddrInet4{Addr: to}); err != nil {
			return answer{}, reach("sendto", err)
		}
		want := echoMessage(icmpEchoReply, 7, uint16(n), pattern(8))
		for {
			got, err := again(func() (int, error) { return unix.Read(fd, buf) })
			if err != nil {
				return answer{}, fmt.Errorf("%v: %w", netip.AddrFrom4(to), try("read", err))
			}
			if bytes.Equal(icmpPart(buf[:got]), want) && [4]byte(buf[12:16]) == to {
				break
			}
		}
	}
	return answer{
		call: socketCall("socket", unix.AF_INET, unix.SOCK_RAW), value: "256 of 256",
		detail: "127.0.0.1, 127.n.n.n for every other n, and 127.255.255.254 answered",
	}, nil
}

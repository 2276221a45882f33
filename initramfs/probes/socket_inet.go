//go:build linux

package probes

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"
)

// streamBytes is what goes through a stream each way: more than the first window of
// a TCP connection, so that acknowledgements and window updates have to work too.
const streamBytes = 64 << 10

func inetProbes() []Probe {
	return []Probe{
		{
			ID:       "socket/tcp4/loopback",
			Question: "Does TCP over 127.0.0.1 carry bytes both ways?",
			ask:      overTCP(unix.AF_INET),
		},
		{
			ID:       "socket/udp4/loopback",
			Question: "Does UDP over 127.0.0.1 carry datagrams both ways?",
			ask:      overUDP(unix.AF_INET),
		},
		{
			ID:       "socket/tcp6/loopback",
			Question: "Does TCP over ::1 carry bytes both ways?",
			ask:      overTCP(unix.AF_INET6),
		},
		{
			ID:       "socket/udp6/loopback",
			Question: "Does UDP over ::1 carry datagrams both ways?",
			ask:      overUDP(unix.AF_INET6),
		},
		{
			ID:       "socket/tcp4/refused",
			Question: "Is a connection to a closed port of 127.0.0.1 refused?",
			ask:      refused,
		},
	}
}

// loopback is the loopback address of an IP family, any port.
func loopback(domain int) unix.Sockaddr {
	if domain == unix.AF_INET6 {
		return &unix.SockaddrInet6{Addr: [16]byte{15: 1}}
	}
	return &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
}

func overTCP(domain int) func(context.Context) (answer, error) {
	return func(context.Context) (answer, error) {
		p, err := connected(domain, unix.SOCK_STREAM, loopback(domain))
		if err != nil {
			return answer{}, err
		}
		defer p.close()
		return answer{
			call:   socketCall("socket", domain, unix.SOCK_STREAM),
			detail: "64 KiB went each way and arrived as sent",
		}, p.stream(streamBytes)
	}
}

func overUDP(domain int) func(context.Context) (answer, error) {
	return func(context.Context) (answer, error) {
		p, err := datagramPair(domain, loopback(domain), loopback(domain))
		if err != nil {
			return answer{}, err
		}
		defer p.close()
		return answer{
			call:   socketCall("socket", domain, unix.SOCK_DGRAM),
			detail: "two datagrams went each way and arrived as sent",
		}, p.messages()
	}
}

// refused connects to a port that is held by a socket which does not listen, so that
// nothing else can come to listen there. The refusal is the RST that TCP sends for it
// (net/ipv4/tcp_input.c:4597).
func refused(context.Context) (answer, error) {
	holder, at, err := bound(unix.AF_INET, unix.SOCK_STREAM, loopback(unix.AF_INET))
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(holder)
	fd, err := socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(fd)
	err = connect(fd, at)
	if err == nil {
		return answer{}, wrong("connect", "a connection to a port on which nothing listens was made")
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return answer{}, reach("connect", err)
	}
	return answer{call: "connect", errno: err, detail: "refused, as it should be"}, nil
}

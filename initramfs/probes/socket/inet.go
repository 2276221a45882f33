//go:build linux

package socket

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

func overTCP(domain int) probes.Ask {
	return func(context.Context) (probes.Answer, error) {
		p, err := sock.Connected(domain, unix.SOCK_STREAM, sock.Loopback(domain))
		if err != nil {
			return probes.Answer{}, err
		}
		defer p.Close()
		return probes.Answer{
			Call:   sock.Call("socket", domain, unix.SOCK_STREAM),
			Detail: "64 KiB went each way and arrived as sent",
		}, p.Stream()
	}
}

func overUDP(domain int) probes.Ask {
	return func(context.Context) (probes.Answer, error) {
		p, err := sock.Datagrams(domain, sock.Loopback(domain), sock.Loopback(domain))
		if err != nil {
			return probes.Answer{}, err
		}
		defer p.Close()
		return probes.Answer{
			Call:   sock.Call("socket", domain, unix.SOCK_DGRAM),
			Detail: "two datagrams went each way and arrived as sent",
		}, p.Messages()
	}
}

// refused connects to a port whose socket does not listen, so that nothing else can listen there
// either. The refusal is the RST that TCP sends (net/ipv4/tcp_input.c:4597).
func refused(context.Context) (probes.Answer, error) {
	holder, at, err := sock.Bound(unix.AF_INET, unix.SOCK_STREAM, sock.Loopback(unix.AF_INET))
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(holder)
	fd, err := sock.New(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(fd)
	err = sock.Connect(fd, at)
	if err == nil {
		return probes.Answer{}, probes.Wrong("connect", "it connected to a port on which nothing listens")
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return probes.Answer{}, sock.Reach("connect", err)
	}
	return probes.Answer{Call: "connect", Errno: err, Detail: "the connection was refused"}, nil
}

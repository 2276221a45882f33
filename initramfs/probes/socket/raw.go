//go:build linux

package socket

import (
	"bytes"
	"context"
	"os"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/packet"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// icmpEcho pings. A raw socket hears all ICMP that comes in, the request too, since
// on lo what goes out comes in; only the reply counts.
func icmpEcho(context.Context) (probes.Answer, error) {
	fd, err := sock.New(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(fd)
	id := uint16(os.Getpid())
	request := packet.Echo(packet.EchoRequest, id, 1, probes.Pattern(56))
	if err := unix.Sendto(fd, request, 0, sock.Loopback(unix.AF_INET)); err != nil {
		return probes.Answer{}, sock.Reach("sendto", err)
	}
	want := packet.Echo(packet.EchoReply, id, 1, probes.Pattern(56))
	buf := make([]byte, 2048)
	for range 64 {
		n, err := probes.Again(func() (int, error) { return unix.Read(fd, buf) })
		if err != nil {
			return probes.Answer{}, probes.Try("read", err)
		}
		if bytes.Equal(packet.ICMP(buf[:n]), want) {
			return probes.Answer{
				Call:   sock.Call("socket", unix.AF_INET, unix.SOCK_RAW),
				Detail: "the echo came back with all its bytes",
			}, nil
		}
	}
	return probes.Answer{}, probes.Wrong("read", "64 packets, and no echo among them")
}

// capture needs neither IP nor any socket family but AF_PACKET: it sends a frame of
// an experimental type over lo and hears it going out and coming in.
func capture(context.Context) (probes.Answer, error) {
	ear, err := packet.Socket(unix.ETH_P_ALL)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(ear)
	mouth, err := packet.Socket(0)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(mouth)
	frame := append([]byte("netstrip"), probes.Pattern(200)...)
	to := &unix.SockaddrLinklayer{Protocol: packet.Htons(packet.EtherTest), Ifindex: packet.LoIndex, Halen: 6}
	if err := unix.Sendto(mouth, frame, 0, to); err != nil {
		return probes.Answer{}, sock.Reach("sendto(lo)", err)
	}
	buf := make([]byte, 2048)
	for range 64 {
		var from unix.Sockaddr
		n, err := probes.Again(func() (n int, err error) {
			n, from, err = unix.Recvfrom(ear, buf, 0)
			return n, err
		})
		if err != nil {
			return probes.Answer{}, probes.Try("recvfrom", err)
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if ok && ll.Pkttype == unix.PACKET_HOST && bytes.Equal(buf[:n], frame) {
			return probes.Answer{
				Call:   sock.Call("socket", unix.AF_PACKET, unix.SOCK_DGRAM),
				Detail: "a frame sent over lo came in again and was captured",
			}, nil
		}
	}
	return probes.Answer{}, probes.Wrong("recvfrom", "64 frames, and not the one that was sent")
}

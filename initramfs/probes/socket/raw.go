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

// icmpEcho pings. A raw socket receives all incoming ICMP. On lo that includes the
// request; only the reply counts.
func icmpEcho(fd int) (probes.Answer, error) {
	id := uint16(os.Getpid())
	request := packet.Echo(packet.EchoRequest, id, 1, probes.Pattern(56))
	if err := unix.Sendto(fd, request, 0, sock.Loopback(unix.AF_INET)); err != nil {
		return probes.Answer{}, sock.Reach("sendto", err)
	}
	want := packet.Echo(packet.EchoReply, id, 1, probes.Pattern(56))
	return probes.Answer{
			Call:   sock.Call("socket", unix.AF_INET, unix.SOCK_RAW),
			Detail: "the echo came back with all its bytes",
		}, sock.Await(fd, func(data []byte, _ unix.Sockaddr) bool {
			return bytes.Equal(packet.ICMP(data), want)
		})
}

// capture needs neither IP nor any socket family but AF_PACKET: it sends a frame of an
// experimental type over lo and captures it when it comes in.
func capture(context.Context) (probes.Answer, error) {
	receiver, err := packet.Socket(unix.ETH_P_ALL)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(receiver)
	sender, err := packet.Socket(0)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(sender)
	frame := append([]byte("netstrip"), probes.Pattern(200)...)
	to := &unix.SockaddrLinklayer{Protocol: packet.Htons(packet.EtherTest), Ifindex: packet.LoIndex, Halen: 6}
	if err := unix.Sendto(sender, frame, 0, to); err != nil {
		return probes.Answer{}, sock.Reach("sendto(lo)", err)
	}
	return probes.Answer{
			Call:   sock.Call("socket", unix.AF_PACKET, unix.SOCK_DGRAM),
			Detail: "a frame sent over lo came in and was captured",
		}, sock.Await(receiver, func(data []byte, from unix.Sockaddr) bool {
			ll, ok := from.(*unix.SockaddrLinklayer)
			return ok && ll.Pkttype == unix.PACKET_HOST && bytes.Equal(data, frame)
		})
}

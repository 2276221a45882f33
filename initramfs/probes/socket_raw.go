//go:build linux

package probes

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// loIndex is lo's number: the kernel insists on it in every network namespace
// (drivers/net/loopback.c:221, include/net/flow.h:24).
const loIndex = 1

func rawProbes() []Probe {
	return []Probe{
		{
			ID:       "socket/raw4/icmp-echo",
			Question: "Does 127.0.0.1 answer a ping sent through a raw socket?",
			ask:      icmpEcho,
		},
		{
			ID:       "socket/packet/capture",
			Question: "Can a frame that goes over lo be sent and captured through packet sockets?",
			ask:      capture,
		},
	}
}

// Numbers of ICMP (RFC 792).
const (
	icmpEchoReply   = 0
	icmpEchoRequest = 8
)

// echoMessage is an ICMP echo message, checksum and all.
func echoMessage(typ byte, id, seq uint16, payload []byte) []byte {
	m := make([]byte, 8, 8+len(payload))
	m[0] = typ
	binary.BigEndian.PutUint16(m[4:], id)
	binary.BigEndian.PutUint16(m[6:], seq)
	m = append(m, payload...)
	binary.BigEndian.PutUint16(m[2:], checksum(m))
	return m
}

// checksum is the Internet checksum (RFC 1071). Over data that holds a right one it
// is 0.
func checksum(data []byte) uint16 {
	var sum uint32
	for i, b := range data {
		if i%2 == 0 {
			sum += uint32(b) << 8
		} else {
			sum += uint32(b)
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// icmpPart is the ICMP message in an IPv4 packet, nil when there is no sound one.
func icmpPart(packet []byte) []byte {
	if len(packet) < 20 || packet[0]>>4 != 4 || packet[9] != unix.IPPROTO_ICMP {
		return nil
	}
	header := int(packet[0]&15) * 4
	if header < 20 || len(packet) < header+8 || checksum(packet[header:]) != 0 {
		return nil
	}
	return packet[header:]
}

// icmpEcho pings. A raw socket hears all ICMP that comes in, the request too, since
// on lo what goes out comes in; only the reply counts.
func icmpEcho(context.Context) (answer, error) {
	fd, err := socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(fd)
	id := uint16(os.Getpid())
	request := echoMessage(icmpEchoRequest, id, 1, pattern(56))
	if err := unix.Sendto(fd, request, 0, loopback(unix.AF_INET)); err != nil {
		return answer{}, reach("sendto", err)
	}
	want := echoMessage(icmpEchoReply, id, 1, pattern(56))
	buf := make([]byte, 2048)
	for range 64 {
		n, err := again(func() (int, error) { return unix.Read(fd, buf) })
		if err != nil {
			return answer{}, try("read", err)
		}
		if bytes.Equal(icmpPart(buf[:n]), want) {
			return answer{
				call:   socketCall("socket", unix.AF_INET, unix.SOCK_RAW),
				detail: "the echo came back with all its bytes",
			}, nil
		}
	}
	return answer{}, wrong("read", "64 packets, and no echo among them")
}

// etherTest is an EtherType set aside for experiments (ETH_P_802_EX1,
// include/uapi/linux/if_ether.h).
const etherTest = 0x88b5

// capture needs neither IP nor any socket family but AF_PACKET: it sends a frame of
// an experimental type over lo and hears it going out and coming in.
func capture(context.Context) (answer, error) {
	ear, err := packetSocket(unix.ETH_P_ALL)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(ear)
	mouth, err := packetSocket(0)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(mouth)
	frame := append([]byte("netstrip"), pattern(200)...)
	to := &unix.SockaddrLinklayer{Protocol: htons(etherTest), Ifindex: loIndex, Halen: 6}
	if err := unix.Sendto(mouth, frame, 0, to); err != nil {
		return answer{}, reach("sendto(lo)", err)
	}
	buf := make([]byte, 2048)
	for range 64 {
		var from unix.Sockaddr
		n, err := again(func() (n int, err error) {
			n, from, err = unix.Recvfrom(ear, buf, 0)
			return n, err
		})
		if err != nil {
			return answer{}, try("recvfrom", err)
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if ok && ll.Pkttype == unix.PACKET_HOST && bytes.Equal(buf[:n], frame) {
			return answer{
				call:   socketCall("socket", unix.AF_PACKET, unix.SOCK_DGRAM),
				detail: "a frame sent over lo came in again and was captured",
			}, nil
		}
	}
	return answer{}, wrong("recvfrom", "64 frames, and not the one that was sent")
}

// packetSocket makes a packet socket on lo for a protocol; with 0 it hears nothing.
func packetSocket(protocol uint16) (int, error) {
	fd, err := socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0)
	if err != nil || protocol == 0 {
		return fd, err
	}
	at := &unix.SockaddrLinklayer{Protocol: htons(protocol), Ifindex: loIndex}
	if err := unix.Bind(fd, at); err != nil {
		unix.Close(fd)
		return -1, try("bind(lo)", err)
	}
	return fd, nil
}

// htons turns a number as the host has it into network byte order.
func htons(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

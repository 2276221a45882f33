//go:build linux

// Package packet builds and reads what raw and packet sockets carry: ICMP echo messages and
// frames on lo. It runs in the guest; its tests also run on the host.
package packet

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// LoIndex is lo's ifindex, which the kernel requires in every network namespace
// (drivers/net/loopback.c:221, include/net/flow.h:24).
const LoIndex = 1

// Types of ICMP messages (RFC 792).
const (
	EchoReply   = 0
	EchoRequest = 8
)

// Echo returns an ICMP echo message with its checksum.
func Echo(typ byte, id, seq uint16, payload []byte) []byte {
	m := make([]byte, 8, 8+len(payload))
	m[0] = typ
	binary.BigEndian.PutUint16(m[4:], id)
	binary.BigEndian.PutUint16(m[6:], seq)
	m = append(m, payload...)
	binary.BigEndian.PutUint16(m[2:], Checksum(m))
	return m
}

// Checksum returns the Internet checksum (RFC 1071), which is 0 for data that contains its own.
func Checksum(data []byte) uint16 {
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

// ICMP returns the ICMP message in an IPv4 packet, nil if there is no valid one.
func ICMP(packet []byte) []byte {
	if len(packet) < 20 || packet[0]>>4 != 4 || packet[9] != unix.IPPROTO_ICMP {
		return nil
	}
	header := int(packet[0]&15) * 4
	if header < 20 || len(packet) < header+8 || Checksum(packet[header:]) != 0 {
		return nil
	}
	return packet[header:]
}

// EtherTest is an EtherType reserved for experiments (ETH_P_802_EX1,
// include/uapi/linux/if_ether.h).
const EtherTest = 0x88b5

// Socket makes a packet socket on lo for a protocol; with 0 it receives nothing.
func Socket(protocol uint16) (int, error) {
	fd, err := sock.New(unix.AF_PACKET, unix.SOCK_DGRAM, 0)
	if err != nil || protocol == 0 {
		return fd, err
	}
	at := &unix.SockaddrLinklayer{Protocol: Htons(protocol), Ifindex: LoIndex}
	if err := unix.Bind(fd, at); err != nil {
		unix.Close(fd)
		return -1, probes.Try("bind(lo)", err)
	}
	return fd, nil
}

// Htons converts a number to network byte order.
func Htons(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

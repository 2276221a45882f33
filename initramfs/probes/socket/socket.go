//go:build linux

// Package socket asks which families of sockets carry data, in the ways that programs use them. It
// runs in the guest, and in tests on the host.
package socket

import (
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// Probes returns the family.
func Probes() []probes.Probe {
	return []probes.Probe{
		{ID: "socket/tcp4/loopback", Ask: overTCP(unix.AF_INET)},
		{ID: "socket/udp4/loopback", Ask: overUDP(unix.AF_INET)},
		{ID: "socket/tcp6/loopback", Ask: overTCP(unix.AF_INET6)},
		{ID: "socket/udp6/loopback", Ask: overUDP(unix.AF_INET6)},
		{ID: "socket/tcp4/refused", Ask: refused},
		{ID: "socket/unix/stream", Ask: unixConnection(unix.SOCK_STREAM, sock.Pair.Stream, false)},
		{ID: "socket/unix/datagram", Ask: probes.InDir(unixDatagrams)},
		{ID: "socket/unix/seqpacket", Ask: unixConnection(unix.SOCK_SEQPACKET, sock.Pair.Messages, false)},
		{ID: "socket/unix/abstract", Ask: unixConnection(unix.SOCK_STREAM, sock.Pair.Stream, true)},
		{ID: "socket/unix/socketpair", Ask: unixSocketpair},
		{ID: "socket/unix/scm-rights", Ask: passDescriptor},
		{ID: "socket/unix/so-peercred", Ask: peerCredentials},
		{ID: "socket/raw4/icmp-echo", Ask: sock.With(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP, icmpEcho)},
		{ID: "socket/packet/capture", Ask: capture},
		{ID: "socket/netlink/route", Ask: probes.Ask(dumpLinks).After(sock.Route)},
		{ID: "socket/netlink/uevent", Ask: sock.With(unix.AF_NETLINK, unix.SOCK_DGRAM, unix.NETLINK_KOBJECT_UEVENT, hearUevent)},
		{ID: "socket/http/loopback", Ask: overHTTP("127.0.0.1")},
		{ID: "socket/http/localhost", Ask: overHTTP("localhost")},
		{ID: "socket/tcp4/chat", Ask: chat},
		{ID: "socket/tutorial/stream", Ask: streamTutorial},
		{ID: "socket/tutorial/datagram", Ask: datagramTutorial},
		{ID: "socket/raw4/all-of-127", Ask: sock.With(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP, pingAll)},
	}
}

//go:build linux

package trace

import (
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"
)

// socketError returns the errno that a successful getsockopt(SO_ERROR) fetched, such as
// that of a non-blocking connect or of a packet socket whose interface is down
// (net/packet/af_packet.c:3387).
func (a arguments) socketError() syscall.Errno {
	if a.v[1] != unix.SOL_SOCKET || a.v[2] != unix.SO_ERROR {
		return 0
	}
	value := a.memory(a.v[3], 4)
	if len(value) < 4 {
		return 0
	}
	return syscall.Errno(binary.NativeEndian.Uint32(value))
}

// netlinkError returns the errno in the n bytes that a successful call received, if they
// are netlink's answer to a request that failed. Otherwise it returns 0.
func (a arguments) netlinkError(call string, n int) syscall.Errno {
	from, data := a.v[4], a.v[1]
	if call == "recvmsg" { // struct msghdr, then its first struct iovec
		header := a.memory(a.v[1], unix.SizeofMsghdr)
		if len(header) < unix.SizeofMsghdr {
			return 0
		}
		from = binary.NativeEndian.Uint64(header)
		part := a.memory(binary.NativeEndian.Uint64(header[16:]), unix.SizeofIovec)
		if len(part) < unix.SizeofIovec {
			return 0
		}
		data = binary.NativeEndian.Uint64(part)
	}
	// Only netlink sends from an address of family AF_NETLINK.
	if sender := a.memory(from, 2); len(sender) < 2 || binary.NativeEndian.Uint16(sender) != unix.AF_NETLINK {
		return 0
	}
	const size = unix.SizeofNlMsghdr + 4 // the header and the negated errno (struct nlmsgerr)
	answer := a.memory(data, size)
	if n < size || len(answer) < size || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return 0
	}
	return syscall.Errno(-int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])))
}

//go:build linux

package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// arguments are the arguments of a call of a stopped task.
type arguments struct {
	pid int
	v   [6]uint64
}

// memory reads up to n bytes of the task's memory.
func (a arguments) memory(addr uint64, n int) []byte {
	buf := make([]byte, n)
	got, err := unix.PtracePeekData(a.pid, uintptr(addr), buf)
	if err != nil && got <= 0 {
		return nil
	}
	return buf[:got]
}

// number reads a 64-bit number from the task's memory, or returns 0 if it cannot.
func (a arguments) number(addr uint64) uint64 {
	if b := a.memory(addr, 8); len(b) == 8 {
		return binary.NativeEndian.Uint64(b)
	}
	return 0
}

// path reads the string that argument i points to and quotes its first 128 bytes.
func (a arguments) path(i int) string {
	if a.v[i] == 0 {
		return "-"
	}
	for n := 128; n > 0; n -= 16 { // it may be at the end of readable memory
		if text, _, ok := bytes.Cut(a.memory(a.v[i], n), []byte{0}); ok || n == 128 && len(text) == n {
			return fmt.Sprintf("%q", text)
		}
	}
	return "?"
}

// describe returns a call as a manual page would write it, without arguments that vary from
// boot to boot, and whether it concerns the network.
func describe(call string, a arguments) (text string, network bool) {
	switch call {
	case "socket":
		return "socket(" + family(a.v[0]) + ", " + kind(a.v[1]) + ")", true
	case "socketpair":
		return "socketpair(" + family(a.v[0]) + ", " + kind(a.v[1]) + ")", true
	case "bind":
		return "bind(" + a.address(1, 2) + ")", true
	case "connect":
		return "connect(" + a.address(1, 2) + ")", true
	case "sendto":
		return "sendto(" + a.address(4, 5) + ")", true
	case "setsockopt", "getsockopt":
		return call + "(" + level(a.v[1]) + fmt.Sprintf(", %d)", a.v[2]), true
	case "ioctl":
		return ioctl(a.v[1])
	case "unshare", "clone":
		return namespaces(call, a.v[0])
	case "clone3": // struct clone_args begins with the flags (include/uapi/linux/sched.h:92)
		return namespaces(call, a.number(a.v[0]))
	case "setns":
		return namespaces(call, a.v[1])
	case "prctl":
		return fmt.Sprintf("prctl(%d)", a.v[0]), a.v[0] == unix.PR_SET_SECCOMP
	case "mount":
		if a.v[3]&(unix.MS_BIND|unix.MS_MOVE) != 0 { // these take a path, not a file system type
			return a.onFile(call, 0)
		}
		return "mount(" + a.path(2) + ")", false
	case "fsopen":
		return "fsopen(" + a.path(0) + ")", false
	}
	if at, ok := pathArgument(call); ok {
		return a.onFile(call, at)
	}
	return call, isSocketCall(call)
}

// isSocketCall reports whether a call is for sockets only or disappears with NET, as those
// of message queues (init/Kconfig:448) and seccomp filters (arch/Kconfig:611) do.
func isSocketCall(call string) bool {
	switch call {
	case "listen", "accept", "accept4", "sendmsg", "sendmmsg",
		"recvfrom", "recvmsg", "recvmmsg", "getsockname",
		"getpeername", "shutdown", "mq_open", "seccomp":
		return true
	}
	return false
}

// pathArgument returns which argument of a call is the path of a file that it opens or
// inspects. Calls that create and change files are left out, because no program uses them
// on the network's files.
func pathArgument(call string) (at int, ok bool) {
	switch call {
	case "open", "stat", "lstat", "access", "readlink", "statfs", "chdir":
		return 0, true
	case "openat", "openat2", "newfstatat", "statx", "faccessat", "faccessat2",
		"readlinkat", "name_to_handle_at", "open_tree", "move_mount", "inotify_add_watch":
		return 1, true
	}
	return 0, false
}

// networks matches the paths of the network's files. In /proc they are below a process or
// below sys, and /proc/net is a link.
var networks = regexp.MustCompile(`/proc/((self|thread-self|\d+)/(task/\d+/)?(ns/)?|sys/)?net|/sys/(class|devices/virtual)/net|/dev/net/`)

// onFile describes a call on a file. It concerns the network if the file does.
func (a arguments) onFile(call string, at int) (text string, network bool) {
	file := a.path(at)
	text = call + "(" + file + ")"
	file = a.directory(at, file) + "/" + strings.Trim(file, `"`)
	return text, networks.MatchString(file)
}

// directory returns the directory that a relative path starts from: container runtimes open
// /proc once and everything else relative to it.
func (a arguments) directory(at int, file string) string {
	if strings.HasPrefix(file, `"/`) {
		return ""
	}
	link := "cwd"
	if at > 0 && int32(a.v[at-1]) != unix.AT_FDCWD {
		link = fmt.Sprintf("fd/%d", int32(a.v[at-1]))
	}
	dir, _ := os.Readlink(fmt.Sprintf("/proc/%d/%s", a.pid, link)) // "" for an invalid descriptor
	return dir
}

// namespaces describes a call that makes or enters namespaces.
func namespaces(call string, flags uint64) (string, bool) {
	if flags&unix.CLONE_NEWNET != 0 {
		return call + "(CLONE_NEWNET)", true
	}
	return call, false
}

// ioctl describes an ioctl. Those on sockets (0x89, include/uapi/linux/sockios.h) and
// TUNSETIFF, which makes a TUN device, concern the network.
func ioctl(request uint64) (string, bool) {
	const tunSetIff = 0x400454ca
	if request == tunSetIff {
		return "ioctl(TUNSETIFF)", true
	}
	return fmt.Sprintf("ioctl(%#x)", request), request>>8 == 0x89
}

// named returns the name of a number, or else the number after what it is.
func named(n uint64, what string, names map[uint64]string) string {
	if name, ok := names[n]; ok {
		return name
	}
	return fmt.Sprintf("%s %d", what, n)
}

func family(f uint64) string {
	return named(f, "family", map[uint64]string{
		unix.AF_UNSPEC: "AF_UNSPEC", unix.AF_UNIX: "AF_UNIX", unix.AF_INET: "AF_INET", unix.AF_INET6: "AF_INET6",
		unix.AF_NETLINK: "AF_NETLINK", unix.AF_PACKET: "AF_PACKET", unix.AF_ALG: "AF_ALG",
	})
}

// kind returns the type of a socket, without the flags in its upper bits.
func kind(k uint64) string {
	return named(k&^(unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK), "type", map[uint64]string{
		unix.SOCK_STREAM: "SOCK_STREAM", unix.SOCK_DGRAM: "SOCK_DGRAM", unix.SOCK_RAW: "SOCK_RAW", unix.SOCK_SEQPACKET: "SOCK_SEQPACKET",
	})
}

func level(l uint64) string {
	return named(l, "level", map[uint64]string{
		unix.SOL_SOCKET: "SOL_SOCKET", unix.SOL_IP: "SOL_IP", unix.SOL_TCP: "SOL_TCP", unix.SOL_IPV6: "SOL_IPV6", unix.SOL_NETLINK: "SOL_NETLINK",
	})
}

// ephemeral is the first port that the kernel assigns by itself
// (net.ipv4.ip_local_port_range). Assigned ports vary from boot to boot.
const ephemeral = 32768

// address describes the struct sockaddr that an argument points to.
func (a arguments) address(at, length int) string {
	b := a.memory(a.v[at], min(int(a.v[length]), 128))
	if len(b) < 2 {
		return "-"
	}
	f := uint64(binary.NativeEndian.Uint16(b))
	text := family(f)
	var ip netip.Addr
	switch {
	case f == unix.AF_INET && len(b) >= 8:
		ip = netip.AddrFrom4([4]byte(b[4:8]))
	case f == unix.AF_INET6 && len(b) >= 24:
		ip = netip.AddrFrom16([16]byte(b[8:24]))
	case f == unix.AF_UNIX:
		return text + unixPath(b[2:])
	default:
		return text
	}
	if port := binary.BigEndian.Uint16(b[2:]); port < ephemeral {
		return text + ", " + netip.AddrPortFrom(ip, port).String()
	}
	return text + ", " + ip.String()
}

// unixPath returns the path in a Unix socket's address. It leaves out abstract names, which
// libraries generate.
func unixPath(b []byte) string {
	p, _, _ := bytes.Cut(b, []byte{0})
	if len(p) == 0 {
		return ""
	}
	return fmt.Sprintf(", %q", p)
}

//go:build linux && amd64

package trace

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Decisive picks the call that decided why a command failed, and says whether there is
// one. Said has, by command (see Call), what each of those concerned said of its trouble;
// culprit is the one that failed, and the others are those it depended on: the server of
// a client that got no answer. Calls of commands that said does not have count for
// nothing.
//
// A failed call says little by itself: programs try what they can do without. So what the
// program names goes before everything, by the text or the name of the errno in its last
// words. Next come calls of the network that fail conclusively, since something is not in
// this kernel or not configured. A refused connection and its like are the echo of trouble
// elsewhere, and come last. Of equals the last one counts, which is the nearest to the end.
func Decisive(calls []Call, culprit int, said map[int]string) (Call, bool) {
	var best Call
	highest := 0
	for _, c := range calls {
		words, concerned := said[c.Command]
		if !concerned {
			continue
		}
		of := ranks()[failure{weigh(c), mentions(words, c)}]
		r := of.others
		if c.Command == culprit {
			r = of.own
		}
		if r >= highest && r > 0 {
			best, highest = c, r
		}
	}
	return best, highest > 0
}

// weight is what kind of failure a call is; ranks.txt says what each means.
type weight string

const (
	other      weight = "other"
	missing    weight = "missing"
	echo       weight = "echo"
	conclusive weight = "conclusive"
)

func weigh(c Call) weight {
	switch {
	case c.network:
	case c.Errno == unix.ENOSYS:
		return missing
	default:
		return other
	}
	if c.Text == "socket(AF_UNIX, SOCK_DGRAM)" {
		return echo // by which syslog(3) tells of trouble that has come before
	}
	name, _, _ := strings.Cut(c.Text, "(")
	switch c.Errno {
	case unix.EACCES, unix.EPERM: // of a privilege, as ping(8)'s first socket (net/ipv4/ping.c:286)
		return other
	case unix.ENOSYS, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT,
		unix.EADDRNOTAVAIL, unix.ENETUNREACH, unix.ENETDOWN, unix.EHOSTUNREACH, unix.ENODEV:
		return conclusive
	case unix.EOPNOTSUPP: // a kind of device that this kernel cannot make (net/core/rtnetlink.c:3856)
		if strings.HasSuffix(c.Text, "(AF_NETLINK, NLMSG_ERROR)") {
			return conclusive
		}
	case unix.EINVAL: // a network namespace or a filter that this kernel cannot make (kernel/nsproxy.c:76)
		if strings.HasSuffix(c.Text, "(CLONE_NEWNET)") || name == "seccomp" || name == "prctl" {
			return conclusive
		}
	case unix.ENOENT: // a file of the network's; a socket's is made by the other end
		if name != "connect" && name != "sendto" && name != "sendmsg" {
			return conclusive
		}
	}
	return echo
}

// mentions reports whether words name a call's error number. Of files that are not there,
// which every program looks for, they must name the last part too.
func mentions(words string, c Call) bool {
	if c.Errno == unix.ENOENT && !c.network {
		file, _ := strings.CutSuffix(c.Text, `")`)
		return Names(words, c.Errno) && strings.Contains(words, file[strings.LastIndexAny(file, `/"`)+1:])
	}
	return Names(words, c.Errno)
}

// Names reports whether words name an error number: as strerror does, by its symbol, or as
// "errno: 38".
func Names(words string, errno syscall.Errno) bool {
	words = strings.ToLower(words)
	symbol := strings.ToLower(unix.ErrnoName(errno))
	if strings.Contains(words, errno.Error()) || len(symbol) > len("eperm")-1 && strings.Contains(words, symbol) {
		return true // a shorter one, such as EIO, is part of many words
	}
	_, number, ok := strings.Cut(words, "errno")
	number = strings.TrimLeft(number, ":= ")
	digits := number[:len(number)-len(strings.TrimLeft(number, "0123456789"))]
	return ok && digits == strconv.Itoa(int(errno))
}

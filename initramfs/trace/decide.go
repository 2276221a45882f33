//go:build linux

package trace

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Decisive picks the call that decided why a command failed, and reports whether there is
// one. Culprit is the command that failed. Said has, by command (see Call), the most telling
// line of the culprit and of the commands it depended on, such as the server of a client
// that got no answer. Calls of other commands are ignored.
//
// A failed call alone means little, because programs also try what they do not need. Calls
// whose errno the program itself reports rank first. Next are network calls that show
// conclusively that something is not in this kernel or not configured. Refused connections
// and the like are consequences of a fault elsewhere and rank last. Among equals the last
// call wins, because it is nearest to the end.
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

// weight is the kind of a failure; ranks.txt describes each.
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
		return echo // made by syslog(3) to report an earlier error
	}
	name, _, _ := strings.Cut(c.Text, "(")
	switch c.Errno {
	case unix.EACCES, unix.EPERM: // a missing privilege, as for ping(8)'s first socket (net/ipv4/ping.c:286)
		return other
	case unix.ENOSYS, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT,
		unix.EADDRNOTAVAIL, unix.ENETUNREACH, unix.ENETDOWN, unix.EHOSTUNREACH, unix.ENODEV:
		return conclusive
	case unix.EOPNOTSUPP: // an unknown kind of device (net/core/rtnetlink.c:3856)
		if strings.HasSuffix(c.Text, "(AF_NETLINK, NLMSG_ERROR)") {
			return conclusive
		}
	case unix.EINVAL: // no network namespaces or filters (kernel/nsproxy.c:76)
		if strings.HasSuffix(c.Text, "(CLONE_NEWNET)") || name == "seccomp" || name == "prctl" {
			return conclusive
		}
	case unix.ENOENT: // a missing file of the network, but not a socket file that the peer should have made
		if name != "connect" && name != "sendto" && name != "sendmsg" {
			return conclusive
		}
	}
	return echo
}

// mentions reports whether words name a call's errno. For ENOENT they must also name the last
// part of the path, because every program looks for missing files.
func mentions(words string, c Call) bool {
	if c.Errno == unix.ENOENT && !c.network {
		file, _ := strings.CutSuffix(c.Text, `")`)
		return Names(words, c.Errno) && strings.Contains(words, file[strings.LastIndexAny(file, `/"`)+1:])
	}
	return Names(words, c.Errno)
}

// Names reports whether words name an errno: as strerror does, by its symbol, or as
// "errno: 38".
func Names(words string, errno syscall.Errno) bool {
	words = strings.ToLower(words)
	symbol := strings.ToLower(unix.ErrnoName(errno))
	if strings.Contains(words, errno.Error()) || len(symbol) > len("eperm")-1 && strings.Contains(words, symbol) {
		return true // symbols shorter than EPERM, such as EIO, are part of many words
	}
	_, number, ok := strings.Cut(words, "errno")
	number = strings.TrimLeft(number, ":= ")
	digits := number[:len(number)-len(strings.TrimLeft(number, "0123456789"))]
	return ok && digits == strconv.Itoa(int(errno))
}

//go:build linux

package probes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// sysNet is where sysfs has lo. It belongs to CONFIG_NET (net/core/net-sysfs.c:2053).
const sysNet = "/sys/class/net/lo"

func loProbes() []Probe {
	return []Probe{
		{
			ID:       "lo/present",
			Question: "Is there an interface called lo, as netlink and sysfs see it?",
			ask:      loPresent,
		},
		{
			ID:       "lo/ifindex",
			Question: "Which number has lo?",
			ask:      loIfindex,
		},
		{
			ID:       "lo/flags",
			Question: "In which state is lo after u-root's init has set it up?",
			ask:      loFlags,
		},
		{
			ID:       "lo/mtu",
			Question: "How long may a packet over lo be?",
			ask:      loMTU,
		},
		{
			ID:       "lo/up",
			Question: "Does lo go up when told to, from being down?",
			ask:      loUp,
		},
		{
			ID:       "lo/addr4",
			Question: "Has lo the address 127.0.0.1/8?",
			ask:      loAddr4,
		},
		{
			ID:       "lo/addr6",
			Question: "Has lo the address ::1/128?",
			ask:      loAddr6,
		},
		{
			ID:       "lo/bind-127",
			Question: "Can a socket be bound to any address of 127.0.0.0/8?",
			ask:      loBind127,
		},
		{
			ID:       "lo/undeletable",
			Question: "Does the kernel refuse to delete lo?",
			ask:      loUndeletable,
		},
		{
			ID:       "lo/counters",
			Question: "Do lo's counters move when a packet goes over it?",
			ask:      loCounters,
		},
	}
}

// loLink is lo as netlink sees it in the calling thread's namespace.
func loLink() (netlink.Link, error) {
	if err := netlinkRoute(); err != nil {
		return nil, err
	}
	lo, err := netlink.LinkByName("lo")
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil, &failure{call: "RTM_GETLINK(lo)", err: err, gone: true}
	}
	return lo, try("RTM_GETLINK(lo)", err)
}

// loPresent asks two witnesses. That they contradict each other is a finding about
// the probe, not about the kernel.
func loPresent(context.Context) (answer, error) {
	_, linkErr := loLink()
	_, fileErr := os.Stat(sysNet)
	if fileErr != nil && !errors.Is(fileErr, fs.ErrNotExist) {
		return answer{}, try(sysNet, fileErr)
	}
	if (linkErr == nil) != (fileErr == nil) {
		return answer{}, wrong(sysNet, "netlink and sysfs disagree: %v, %v", linkErr, fileErr)
	}
	return answer{call: "RTM_GETLINK(lo)", detail: "netlink and sysfs both have lo"}, linkErr
}

// loIfindex: 1, or the kernel would not have booted (drivers/net/loopback.c:221).
func loIfindex(context.Context) (answer, error) {
	text, err := readFile("/sys/class", "net/lo/ifindex")
	return answer{call: sysNet + "/ifindex", value: strings.TrimSpace(text)}, err
}

// loRequest makes one of the ioctls that ask about an interface, on whichever socket
// there is: all of them hand it down to the same place (net/socket.c:1214-1254).
func loRequest(request uint, name string) (*unix.Ifreq, string, error) {
	kinds := [][2]int{
		{unix.AF_INET, unix.SOCK_DGRAM}, {unix.AF_UNIX, unix.SOCK_DGRAM}, {unix.AF_NETLINK, unix.SOCK_RAW},
	}
	var first error
	for _, kind := range kinds {
		fd, err := socket(kind[0], kind[1], 0)
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		defer unix.Close(fd)
		r, err := unix.NewIfreq("lo")
		if err == nil {
			err = unix.IoctlIfreq(fd, request, r)
		}
		// The same call whatever the socket, for the finding to be the same too.
		call := fmt.Sprintf("ioctl(%s, lo)", name)
		return r, call, try(call, err, unix.ENODEV)
	}
	return nil, "", first
}

// loFlags are those that ioctl gives: sysfs shows no RUNNING, netlink shows more.
func loFlags(context.Context) (answer, error) {
	r, call, err := loRequest(unix.SIOCGIFFLAGS, "SIOCGIFFLAGS")
	if err != nil {
		return answer{}, err
	}
	return answer{call: call, value: flagNames(uint32(r.Uint16()))}, nil
}

// flagNames writes the flags of an interface as ifconfig(8) would, lowest first.
func flagNames(flags uint32) string {
	var names []string
	for _, f := range []struct {
		bit  uint32
		name string
	}{
		{unix.IFF_UP, "UP"}, {unix.IFF_BROADCAST, "BROADCAST"}, {unix.IFF_LOOPBACK, "LOOPBACK"},
		{unix.IFF_POINTOPOINT, "POINTOPOINT"}, {unix.IFF_RUNNING, "RUNNING"}, {unix.IFF_NOARP, "NOARP"},
		{unix.IFF_PROMISC, "PROMISC"}, {unix.IFF_ALLMULTI, "ALLMULTI"}, {unix.IFF_MULTICAST, "MULTICAST"},
	} {
		if flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, "|")
}

// loMTU: 64 KiB (drivers/net/loopback.c:201), against 1500 of Ethernet.
func loMTU(context.Context) (answer, error) {
	r, call, err := loRequest(unix.SIOCGIFMTU, "SIOCGIFMTU")
	if err != nil {
		return answer{}, err
	}
	return answer{call: call, value: strconv.FormatUint(uint64(r.Uint32()), 10)}, nil
}

// apart runs f in a new network namespace, or where this kernel makes none, in the
// only one there is; f must leave it as it found it.
func apart(f func() error) error {
	err := inNewNetns(f)
	var fail *failure
	if errors.As(err, &fail) && fail.gone && fail.call == "unshare(CLONE_NEWNET)" {
		return f()
	}
	return err
}

// loUp sets lo down and up again. A new namespace's lo is born down; the only one
// there is was set up by u-root's init, and is again in the end.
func loUp(context.Context) (answer, error) {
	const call = "RTM_NEWLINK(lo up)"
	if err := netlinkRoute(); err != nil {
		return answer{}, err
	}
	err := apart(func() error {
		lo, err := loLink()
		if err != nil {
			return err
		}
		if err := try("RTM_NEWLINK(lo down)", netlink.LinkSetDown(lo)); err != nil {
			return err
		}
		down, err := loLink()
		if err != nil {
			return err
		}
		if err := try(call, netlink.LinkSetUp(lo)); err != nil {
			return err
		}
		up, err := loLink()
		if err != nil {
			return err
		}
		const both = unix.IFF_UP | unix.IFF_RUNNING
		was, is := down.Attrs().RawFlags, up.Attrs().RawFlags
		if was&unix.IFF_UP != 0 || is&both != both {
			return wrong(call, "from %q it went to %q", flagNames(was), flagNames(is))
		}
		return nil
	})
	return answer{call: call, detail: "set down, it was down; set up, it was up and running"}, err
}

// loAddr4: the kernel itself gives lo this address when it goes up
// (net/ipv4/devinet.c:1601).
func loAddr4(context.Context) (answer, error) {
	fd, err := socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(fd)
	addr, err := loInet4(fd, unix.SIOCGIFADDR, "SIOCGIFADDR")
	if err != nil {
		return answer{}, err
	}
	mask, err := loInet4(fd, unix.SIOCGIFNETMASK, "SIOCGIFNETMASK")
	if err != nil {
		return answer{}, err
	}
	ones := 0
	for _, b := range mask {
		for ; b&0x80 != 0; b <<= 1 {
			ones++
		}
	}
	value := fmt.Sprintf("%d.%d.%d.%d/%d", addr[0], addr[1], addr[2], addr[3], ones)
	if value != "127.0.0.1/8" {
		return answer{}, wrong("ioctl(SIOCGIFADDR, lo)", "its address is %s", value)
	}
	return answer{call: "ioctl(SIOCGIFADDR, lo)", value: value}, nil
}

func loInet4(fd int, request uint, name string) ([]byte, error) {
	call := fmt.Sprintf("ioctl(%s, lo)", name)
	r, err := unix.NewIfreq("lo")
	if err == nil {
		err = unix.IoctlIfreq(fd, request, r)
	}
	if err != nil {
		return nil, try(call, err, unix.EADDRNOTAVAIL) // it has none (net/ipv4/devinet.c:1152)
	}
	addr, err := r.Inet4Addr()
	return addr, try(call, err)
}

// loAddr6 reads the file that only IPv6 makes (net/ipv6/addrconf.c:4564). The address
// comes with lo's going up (net/ipv6/addrconf.c:3329).
func loAddr6(context.Context) (answer, error) {
	const call = "/proc/net/if_inet6"
	// /proc/net stands for /proc/self/net, which is not there at all without CONFIG_NET, and
	// self for the first thread, which another probe may have taken to another namespace.
	text, err := readFile("/proc/thread-self", "net/if_inet6")
	if err != nil {
		var fail *failure
		if errors.As(err, &fail) && fail.gone {
			fail.call = call
		}
		return answer{}, err
	}
	for _, a := range inet6Addresses(text) {
		if a == "::1/128 lo" {
			return answer{call: call, value: "::1/128"}, nil
		}
	}
	return answer{}, &failure{call: call, err: fmt.Errorf("::1/128 on lo is not among %q", inet6Addresses(text)), gone: true}
}

// loBind127 binds without any of them being an address of lo: 127.0.0.0/8 is local
// as a net.
func loBind127(context.Context) (answer, error) {
	if err := hasSocket(unix.AF_INET, unix.SOCK_STREAM); err != nil {
		return answer{}, err
	}
	addrs := [][4]byte{{127, 0, 0, 1}, {127, 0, 0, 53}, {127, 1, 2, 3}, {127, 200, 100, 50}, {127, 255, 255, 254}}
	for _, addr := range addrs {
		fd, _, err := bound(unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Addr: addr})
		if err != nil {
			return answer{}, fmt.Errorf("%v: %w", netip.AddrFrom4(addr), err)
		}
		unix.Close(fd)
	}
	return answer{call: "bind", detail: "127.0.0.1, 127.0.0.53, 127.1.2.3, 127.200.100.50 and 127.255.255.254 can be bound"}, nil
}

// loUndeletable: lo has no way to be deleted (net/core/rtnetlink.c:3378), for all the
// capabilities in the world.
func loUndeletable(context.Context) (answer, error) {
	const call = "RTM_DELLINK(lo)"
	if err := netlinkRoute(); err != nil {
		return answer{}, err
	}
	a := answer{call: call, detail: "refused, and lo is still there"}
	err := apart(func() error {
		lo, err := loLink()
		if err != nil {
			return err
		}
		a.errno = netlink.LinkDel(lo)
		if a.errno == nil {
			return wrong(call, "lo was deleted")
		}
		if !errors.Is(a.errno, unix.EOPNOTSUPP) {
			return try(call, a.errno)
		}
		_, err = loLink()
		return err
	})
	return a, err
}

// loCounters sends a datagram to a socket on lo and looks at the counters before and
// after. They count on sending and stand for both ways (drivers/net/loopback.c:90, 124).
func loCounters(context.Context) (answer, error) {
	p, err := datagramPair(unix.AF_INET, loopback(unix.AF_INET), loopback(unix.AF_INET))
	if err != nil {
		return answer{}, err
	}
	defer p.close()
	before, err := loStatistics()
	if err != nil {
		return answer{}, err
	}
	if err := p.messages(); err != nil {
		return answer{}, err
	}
	after, err := loStatistics()
	if err != nil {
		return answer{}, err
	}
	moved := map[string]float64{}
	for name, n := range after {
		if n <= before[name] {
			return answer{}, wrong(sysNet+"/statistics/"+name, "it did not move from %v", n)
		}
		moved[name] = n - before[name]
	}
	return answer{call: sysNet + "/statistics", detail: "all four counters moved", numbers: moved}, nil
}

// loStatistics are four of lo's counters.
func loStatistics() (map[string]float64, error) {
	counters := map[string]float64{}
	for _, name := range []string{"rx_packets", "tx_packets", "rx_bytes", "tx_bytes"} {
		text, err := readFile("/sys/class", "net/lo/statistics/"+name)
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return nil, try(sysNet+"/statistics/"+name, err)
		}
		counters[name] = float64(n)
	}
	return counters, nil
}

//go:build linux

// Package lo asks about the loopback interface. It runs in the guest, and in tests on the host.
package lo

import (
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

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// sysNet is lo's directory in sysfs, which belongs to CONFIG_NET (net/core/net-sysfs.c:2053).
const sysNet = "/sys/class/net/lo"

// Probes returns the family.
func Probes() []probes.Probe {
	return []probes.Probe{
		{ID: "lo/present", Ask: present},
		{ID: "lo/ifindex", Ask: ifindex},
		{ID: "lo/flags", Ask: flags},
		{ID: "lo/mtu", Ask: mtu},
		{ID: "lo/up", Ask: probes.Ask(up).After(sock.Route)},
		{ID: "lo/addr4", Ask: sock.With(unix.AF_INET, unix.SOCK_DGRAM, 0, addr4)},
		{ID: "lo/addr6", Ask: addr6},
		{ID: "lo/bind-127", Ask: bind127},
		{ID: "lo/undeletable", Ask: probes.Ask(undeletable).After(sock.Route)},
		{ID: "lo/counters", Ask: counters},
	}
}

// present asks netlink and sysfs. If they disagree, the probe is wrong, not the kernel.
func present(context.Context) (probes.Answer, error) {
	_, linkErr := netdev.Lo()
	_, fileErr := os.Stat(sysNet)
	if fileErr != nil && !errors.Is(fileErr, fs.ErrNotExist) {
		return probes.Answer{}, probes.Try(sysNet, fileErr)
	}
	if (linkErr == nil) != (fileErr == nil) {
		return probes.Answer{}, probes.Wrong(sysNet, "netlink and sysfs disagree: %v, %v", linkErr, fileErr)
	}
	return probes.Answer{Call: "RTM_GETLINK(lo)", Detail: "netlink and sysfs both show lo"}, linkErr
}

// ifindex is 1, or the kernel would not have booted (drivers/net/loopback.c:221).
func ifindex(context.Context) (probes.Answer, error) {
	text, err := probes.ReadFile("/sys/class", "net/lo/ifindex")
	return probes.Answer{Call: sysNet + "/ifindex", Value: strings.TrimSpace(text)}, err
}

// flags reads those that ioctl returns: sysfs does not show RUNNING, netlink shows more.
func flags(context.Context) (probes.Answer, error) {
	r, call, err := netdev.LoRequest(unix.SIOCGIFFLAGS, "SIOCGIFFLAGS")
	if err != nil {
		return probes.Answer{}, err
	}
	return probes.Answer{Call: call, Value: netdev.FlagNames(uint32(r.Uint16()))}, nil
}

// mtu is 64 KiB (drivers/net/loopback.c:201); that of Ethernet is 1500.
func mtu(context.Context) (probes.Answer, error) {
	r, call, err := netdev.LoRequest(unix.SIOCGIFMTU, "SIOCGIFMTU")
	if err != nil {
		return probes.Answer{}, err
	}
	return probes.Answer{Call: call, Value: strconv.FormatUint(uint64(r.Uint32()), 10)}, nil
}

// up sets lo down and up again. In a new namespace it is down at first. If there is only one
// namespace, u-root's init has set it up, and it is up again in the end.
func up(context.Context) (probes.Answer, error) {
	const call = "RTM_NEWLINK(lo up)"
	err := netdev.Apart(func() error {
		lo, err := netdev.Lo()
		if err != nil {
			return err
		}
		if err := probes.Try("RTM_NEWLINK(lo down)", netlink.LinkSetDown(lo)); err != nil {
			return err
		}
		down, err := netdev.Lo()
		if err != nil {
			return err
		}
		if err := probes.Try(call, netlink.LinkSetUp(lo)); err != nil {
			return err
		}
		up, err := netdev.Lo()
		if err != nil {
			return err
		}
		const both = unix.IFF_UP | unix.IFF_RUNNING
		was, is := down.Attrs().RawFlags, up.Attrs().RawFlags
		if was&unix.IFF_UP != 0 || is&both != both {
			return probes.Wrong(call, "lo went from %q to %q", netdev.FlagNames(was), netdev.FlagNames(is))
		}
		return nil
	})
	return probes.Answer{Call: call, Detail: "lo was down after it was set down, and running after it was set up"}, err
}

// addr4 expects the address that the kernel itself adds when lo comes up
// (net/ipv4/devinet.c:1601).
func addr4(fd int) (probes.Answer, error) {
	addr, err := inet4(fd, unix.SIOCGIFADDR, "SIOCGIFADDR")
	if err != nil {
		return probes.Answer{}, err
	}
	mask, err := inet4(fd, unix.SIOCGIFNETMASK, "SIOCGIFNETMASK")
	if err != nil {
		return probes.Answer{}, err
	}
	ones := 0
	for _, b := range mask {
		for ; b&0x80 != 0; b <<= 1 {
			ones++
		}
	}
	value := fmt.Sprintf("%d.%d.%d.%d/%d", addr[0], addr[1], addr[2], addr[3], ones)
	if value != "127.0.0.1/8" {
		return probes.Answer{}, probes.Wrong("ioctl(SIOCGIFADDR, lo)", "the address is %s", value)
	}
	return probes.Answer{Call: "ioctl(SIOCGIFADDR, lo)", Value: value}, nil
}

func inet4(fd int, request uint, name string) ([]byte, error) {
	call := fmt.Sprintf("ioctl(%s, lo)", name)
	r, err := unix.NewIfreq("lo")
	if err == nil {
		err = unix.IoctlIfreq(fd, request, r)
	}
	if err != nil {
		return nil, probes.Try(call, err, unix.EADDRNOTAVAIL) // it has none (net/ipv4/devinet.c:1152)
	}
	addr, err := r.Inet4Addr()
	return addr, probes.Try(call, err)
}

// addr6 reads the file that only IPv6 creates (net/ipv6/addrconf.c:4564). The kernel adds the
// address when lo comes up (net/ipv6/addrconf.c:3329).
func addr6(context.Context) (probes.Answer, error) {
	const call = "/proc/net/if_inet6"
	// /proc/net is a link to /proc/self/net, which does not exist without CONFIG_NET; self is
	// the first thread, which another probe may have moved to another namespace.
	text, err := probes.ReadFile("/proc/thread-self", "net/if_inet6")
	if err != nil {
		var fail *probes.Failure
		if errors.As(err, &fail) && fail.Gone {
			fail.Call = call
		}
		return probes.Answer{}, err
	}
	for _, a := range inet6Addresses(text) {
		if a == "::1/128 lo" {
			return probes.Answer{Call: call, Value: "::1/128"}, nil
		}
	}
	return probes.Answer{}, &probes.Failure{Call: call, Err: fmt.Errorf("::1/128 on lo is not among %q", inet6Addresses(text)), Gone: true}
}

// bind127 binds addresses that lo need not have: the whole net 127.0.0.0/8 is local.
func bind127(context.Context) (probes.Answer, error) {
	if err := sock.Has(unix.AF_INET, unix.SOCK_STREAM); err != nil {
		return probes.Answer{}, err
	}
	addrs := [][4]byte{{127, 0, 0, 1}, {127, 0, 0, 53}, {127, 1, 2, 3}, {127, 200, 100, 50}, {127, 255, 255, 254}}
	for _, addr := range addrs {
		fd, _, err := sock.Bound(unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Addr: addr})
		if err != nil {
			return probes.Answer{}, fmt.Errorf("%v: %w", netip.AddrFrom4(addr), err)
		}
		unix.Close(fd)
	}
	return probes.Answer{Call: "bind", Detail: "127.0.0.1, 127.0.0.53, 127.1.2.3, 127.200.100.50 and 127.255.255.254 can be bound"}, nil
}

// undeletable tries to delete lo, which has no operation for that, whatever the caller's
// capabilities (net/core/rtnetlink.c:3378).
func undeletable(context.Context) (probes.Answer, error) {
	const call = "RTM_DELLINK(lo)"
	a := probes.Answer{Call: call, Detail: "the kernel refused, and lo still exists"}
	err := netdev.Apart(func() error {
		lo, err := netdev.Lo()
		if err != nil {
			return err
		}
		a.Errno = netlink.LinkDel(lo)
		if a.Errno == nil {
			return probes.Wrong(call, "lo was deleted")
		}
		if !errors.Is(a.Errno, unix.EOPNOTSUPP) {
			return probes.Try(call, a.Errno)
		}
		_, err = netdev.Lo()
		return err
	})
	return a, err
}

// counters reads the counters before and after a datagram over lo. The driver counts a
// packet once, when it is sent, for both directions (drivers/net/loopback.c:90, 124).
func counters(context.Context) (probes.Answer, error) {
	p, err := sock.Datagrams(unix.AF_INET, sock.Loopback(unix.AF_INET), sock.Loopback(unix.AF_INET))
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	before, err := statistics()
	if err != nil {
		return probes.Answer{}, err
	}
	if err := p.Messages(); err != nil {
		return probes.Answer{}, err
	}
	after, err := statistics()
	if err != nil {
		return probes.Answer{}, err
	}
	moved := map[string]float64{}
	for name, n := range after {
		if n <= before[name] {
			return probes.Answer{}, probes.Wrong(sysNet+"/statistics/"+name, "it stayed at %v", n)
		}
		moved[name] = n - before[name]
	}
	return probes.Answer{Call: sysNet + "/statistics", Detail: "all four counters increased", Numbers: moved}, nil
}

// statistics returns four of lo's counters.
func statistics() (map[string]float64, error) {
	counters := map[string]float64{}
	for _, name := range []string{"rx_packets", "tx_packets", "rx_bytes", "tx_bytes"} {
		text, err := probes.ReadFile("/sys/class", "net/lo/statistics/"+name)
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return nil, probes.Try(sysNet+"/statistics/"+name, err)
		}
		counters[name] = float64(n)
	}
	return counters, nil
}

//go:build linux

package probes

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func netlinkProbes() []Probe {
	return []Probe{
		{
			ID:       "socket/netlink/route",
			Question: "Does the kernel list its network interfaces over netlink?",
			ask:      dumpLinks,
		},
		{
			ID:       "socket/netlink/uevent",
			Question: "Does a netlink socket hear the uevent of a device?",
			ask:      hearUevent,
		},
	}
}

// netlinkRoute asks only whether there is a socket to talk to rtnetlink.
func netlinkRoute() error {
	fd, err := socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func dumpLinks(context.Context) (answer, error) {
	if err := netlinkRoute(); err != nil {
		return answer{}, err
	}
	raw, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		return answer{}, try("RTM_GETLINK", err)
	}
	names, err := linkNames(raw)
	if err != nil {
		return answer{}, err
	}
	if !slices.Contains(names, "lo") {
		return answer{}, wrong("RTM_GETLINK", "lo is not among %q", names)
	}
	return answer{
		call:    "RTM_GETLINK",
		detail:  fmt.Sprintf("interfaces: %v", names),
		numbers: map[string]float64{"interfaces": float64(len(names))},
	}, nil
}

// linkNames are the names in the answer to an RTM_GETLINK dump.
func linkNames(raw []byte) ([]string, error) {
	msgs, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return nil, try("RTM_GETLINK", err)
	}
	var names []string
	for _, m := range msgs {
		if m.Header.Type != unix.RTM_NEWLINK {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			return nil, try("RTM_GETLINK", err)
		}
		for _, a := range attrs {
			if a.Attr.Type == unix.IFLA_IFNAME {
				names = append(names, string(bytes.TrimRight(a.Value, "\x00")))
			}
		}
	}
	return names, nil
}

// nullUevent belongs to /dev/null, a device that every kernel has; writing to it
// makes the kernel say that the device has changed, which hurts nobody.
const nullUevent = "/sys/devices/virtual/mem/null/uevent"

// hearUevent hears a uevent that it caused itself, known by a UUID of its own
// (lib/kobject_uevent.c:133). Without CONFIG_NET the kernel still makes uevents but
// has nobody to send them to (lib/kobject_uevent.c:389).
func hearUevent(context.Context) (answer, error) {
	fd, err := socket(unix.AF_NETLINK, unix.SOCK_DGRAM, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		return answer{}, try("bind(NETLINK_KOBJECT_UEVENT)", err)
	}
	uuid := fmt.Sprintf("6e657473-7472-4970-8000-%012x", time.Now().UnixNano()&(1<<48-1))
	if err := os.WriteFile(nullUevent, []byte("change "+uuid), 0); err != nil {
		return answer{}, try(nullUevent, err)
	}
	buf := make([]byte, 16<<10)
	for range 64 {
		n, err := again(func() (int, error) { return unix.Read(fd, buf) })
		if err != nil {
			return answer{}, try("read", err)
		}
		if ueventIs(buf[:n], "change@/devices/virtual/mem/null", uuid) {
			return answer{
				call:   "read(NETLINK_KOBJECT_UEVENT)",
				detail: "the uevent of /dev/null arrived, with the UUID it was asked to carry",
			}, nil
		}
	}
	return answer{}, wrong("read", "64 uevents, and not the one that was asked for")
}

// ueventIs reports whether a uevent has this head line and this synthetic UUID.
func ueventIs(message []byte, head, uuid string) bool {
	parts := bytes.Split(message, []byte{0})
	return string(parts[0]) == head &&
		slices.ContainsFunc(parts, func(p []byte) bool { return string(p) == "SYNTH_UUID="+uuid })
}

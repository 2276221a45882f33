//go:build linux

package socket

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

func dumpLinks(context.Context) (probes.Answer, error) {
	raw, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		return probes.Answer{}, probes.Try("RTM_GETLINK", err)
	}
	names, err := linkNames(raw)
	if err != nil {
		return probes.Answer{}, err
	}
	if !slices.Contains(names, "lo") {
		return probes.Answer{}, probes.Wrong("RTM_GETLINK", "lo is not among %q", names)
	}
	return probes.Answer{
		Call:    "RTM_GETLINK",
		Detail:  fmt.Sprintf("interfaces: %v", names),
		Numbers: map[string]float64{"interfaces": float64(len(names))},
	}, nil
}

// linkNames returns the names in the reply to an RTM_GETLINK dump.
func linkNames(raw []byte) ([]string, error) {
	msgs, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return nil, probes.Try("RTM_GETLINK", err)
	}
	var names []string
	for _, m := range msgs {
		if m.Header.Type != unix.RTM_NEWLINK {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			return nil, probes.Try("RTM_GETLINK", err)
		}
		for _, a := range attrs {
			if a.Attr.Type == unix.IFLA_IFNAME {
				names = append(names, string(bytes.TrimRight(a.Value, "\x00")))
			}
		}
	}
	return names, nil
}

// hearUevent receives a uevent that it caused itself, known by its UUID
// (lib/kobject_uevent.c:133). Without CONFIG_NET the kernel still makes uevents, but sends
// them to nobody (lib/kobject_uevent.c:389).
func hearUevent(fd int) (probes.Answer, error) {
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		return probes.Answer{}, probes.Try("bind(NETLINK_KOBJECT_UEVENT)", err)
	}
	uuid := fmt.Sprintf("6e657473-7472-4970-8000-%012x", time.Now().UnixNano()&(1<<48-1))
	if err := os.WriteFile(probes.NullUevent, []byte("change "+uuid), 0); err != nil {
		return probes.Answer{}, probes.Try(probes.NullUevent, err)
	}
	return probes.Answer{
			Call:   "read(NETLINK_KOBJECT_UEVENT)",
			Detail: "the uevent of /dev/null arrived with the UUID that was written",
		}, sock.Await(fd, func(data []byte, _ unix.Sockaddr) bool {
			return ueventIs(data, "change@/devices/virtual/mem/null", uuid)
		})
}

// ueventIs reports whether a uevent has this first line and this synthetic UUID.
func ueventIs(message []byte, head, uuid string) bool {
	parts := bytes.Split(message, []byte{0})
	return string(parts[0]) == head &&
		slices.ContainsFunc(parts, func(p []byte) bool { return string(p) == "SYNTH_UUID="+uuid })
}

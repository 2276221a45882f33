//go:build linux

// Package netns asks whether network namespaces exist and what they separate. It runs in the
// guest, and in tests on the host.
package netns

import (
	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// Probes returns the family.
func Probes() []probes.Probe {
	return []probes.Probe{
		{ID: "netns/file", Ask: hasFile},
		{ID: "netns/initial", Ask: initialNetns},
		{ID: "netns/unshare", Ask: unshare},
		{ID: "netns/own-lo", Ask: ownLo},
		{ID: "netns/same-port", Ask: samePort},
		{ID: "netns/veth", Ask: acrossVeth},
		{ID: "netns/setns", Ask: comeBack},
		{ID: "netns/name", Ask: probes.InDir(namedNetns).After(sock.Route)},
		{ID: "netns/exec", Ask: probes.InDir(freshSysfs).After(sock.Route)},
		{ID: "netns/proc-net", Ask: ownProcNet},
		{ID: "netns/abstract", Ask: ownAbstract},
		{ID: "netns/device/one-place", Ask: probes.Ask(onePlace).After(sock.Route)},
		{ID: "netns/device/veth-ends", Ask: probes.Ask(vethEnds).After(sock.Route)},
		{ID: "netns/device/card-returns", Ask: probes.Ask(cardReturns).After(sock.Route)},
	}
}

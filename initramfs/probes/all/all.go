//go:build linux

// Package all assembles the probes of all families. It runs in the guest; its tests, which
// compare them with the catalogue (initramfs/wire), run on the host.
package all

import (
	"slices"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/isolation"
	"github.com/netstrip/netstrip/initramfs/probes/kernel"
	"github.com/netstrip/netstrip/initramfs/probes/lo"
	"github.com/netstrip/netstrip/initramfs/probes/netns"
	"github.com/netstrip/netstrip/initramfs/probes/path"
	"github.com/netstrip/netstrip/initramfs/probes/perf"
	"github.com/netstrip/netstrip/initramfs/probes/socket"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// Probes returns every probe, in the order in which they run.
func Probes() []probes.Probe {
	return slices.Concat(lo.Probes(), netns.Probes(), socket.Probes(), isolation.Probes(), path.Probes(), kernel.Probes(), perf.Probes())
}

// Select returns the probes that a boot with these patterns asks; see wire.Asked.
func Select(patterns string) ([]probes.Probe, error) {
	var chosen []probes.Probe
	for _, p := range Probes() {
		ok, err := wire.Asked(p.ID, patterns, false)
		if err != nil {
			return nil, err
		}
		if ok {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

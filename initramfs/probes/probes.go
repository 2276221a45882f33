//go:build linux

// Package probes asks the running kernel what of its network is there. It runs in
// the guest, one child process per family; its tests also run on the host.
//
// A Probe is one question; its answer is a wire.Finding. Families have their own
// files: lo.go, netns*.go, socket_*.go, isolation.go, path.go, kernel_*.go, perf*.go. Probes use bare system calls where the error
// number is the finding, because Go's net package falls into fallbacks of its own
// (it takes ENOSYS for "try something else") and hides which call said what.
//
// The rule for verdicts: absent only where an error number says conclusively that
// the thing is not in this kernel, as written down beside the call; where what a
// probe builds upon is absent, the probe is absent too, with the call that decided.
// Everything else that goes wrong is inconclusive. No probe leaves a trace: what
// changes state does so in a network namespace on a thread of its own, or puts the
// state back, so that the order of probes does not matter.
package probes

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// Deadline is how long a probe may take that does not say otherwise. An emulated
// guest is many times slower than the host; the slowest probe takes a tenth of a second
// there.
const Deadline = 10 * time.Second

// Probe is one question asked of the running kernel.
type Probe struct {
	// ID names it: family/subject/..., for example socket/tcp4/loopback.
	ID string
	// Question is what it asks, in one line.
	Question string
	// Always says why every kernel that runs the probes answers works; empty where one may
	// answer absent.
	Always string
	// Extra says that it is asked only where a pattern matches it, not with all the others.
	Extra bool
	// Limit is how long it may take; 0 means Deadline.
	Limit time.Duration

	ask func(context.Context) (answer, error)
}

// All returns every probe, in the order in which they run.
func All() []Probe {
	return slices.Concat(
		loProbes(),
		netnsProbes(), netnsNameProbes(), netnsDeviceProbes(),
		inetProbes(), unixProbes(), rawProbes(), netlinkProbes(), httpProbes(), chatProbes(),
		isolationProbes(),
		pathProbes(),
		ipcProbes(), descriptorProbes(), confineProbes(), eventProbes(), familyProbes(), mountProbes(),
		cgroupProbes(), deviceProbes(), uringProbes(), bpfProbes(),
		perfProbes(),
	)
}

// Select returns the probes that match the patterns, as wire.Matches has them: all but the
// extra ones where there are none.
func Select(patterns string) ([]Probe, error) {
	var chosen []Probe
	for _, p := range All() {
		ok, err := !p.Extra, error(nil)
		if patterns != "" {
			ok, err = wire.Matches(patterns, p.ID)
		}
		if err != nil {
			return nil, err
		}
		if ok {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

// Family is the first part of the ID. A family's probes share a process.
func (p Probe) Family() string {
	family, _, _ := strings.Cut(p.ID, "/")
	return family
}

// Run asks the question and gives the finding, complete with ID and duration. A
// probe does not come back early by itself when ctx ends while it is inside a
// system call: whoever runs it kills the process.
func (p Probe) Run(ctx context.Context) wire.Finding {
	start := time.Now()
	a, err := p.ask(ctx)
	f := a.finding(err)
	f.ID, f.Micros = p.ID, time.Since(start).Microseconds()
	return f
}

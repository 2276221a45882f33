//go:build linux

// Package probes is the core that all probes share: the question, the answer, and the error
// numbers that decide. It runs in the guest, one child process per family; its tests also run on
// the host.
//
// Each family has a package below this one, and package all assembles them. The
// catalogue (initramfs/wire) has the wording of each question. If the error number is the
// finding, probes use bare system calls: Go's net package has its own fallbacks (it reacts to
// ENOSYS by trying something else) and hides which call failed how.
//
// A probe is absent only if an error number proves that the feature is not in this kernel; the
// place in the kernel is noted beside the call. If a prerequisite of a probe is absent, so is the
// probe, with the call that decided. Every other failure is inconclusive. No probe leaves a
// trace: it changes state only in a network namespace on a thread of its own, or restores it, so
// the order of probes does not matter.
package probes

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// Probe is one question asked of the running kernel.
type Probe struct {
	// ID is that of the catalogue.
	ID  string
	Ask Ask
	// Limit is how long it may take; 0 means ten seconds. An emulated guest is many times
	// slower than the host, but most probes take less than a tenth of a second there.
	Limit time.Duration
}

// Deadline returns how long the probe may take.
func (p Probe) Deadline() time.Duration {
	return cmp.Or(p.Limit, 10*time.Second)
}

// Ask asks the running kernel one question.
type Ask func(context.Context) (Answer, error)

// Family returns the first part of the ID. The probes of a family share a process.
func (p Probe) Family() string {
	family, _, _ := strings.Cut(p.ID, "/")
	return family
}

// Run asks the question and returns the finding, complete with ID and duration. The end
// of ctx does not interrupt a probe that is inside a system call: the caller has to kill
// the process.
func (p Probe) Run(ctx context.Context) wire.Finding {
	start := time.Now()
	a, err := p.Ask(ctx)
	f := a.Finding(err)
	f.ID, f.Micros = p.ID, time.Since(start).Microseconds()
	return f
}

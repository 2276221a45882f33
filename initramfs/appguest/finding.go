//go:build linux

package appguest

import (
	"strings"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/trace"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// The values of an absent finding.
const (
	notStarted = "does not start"
	noAnswer   = "starts but does not answer"
)

// finding turns a first attempt and, if that did not work, a second one under ptrace with
// its failed calls into a finding. The verdict is absent only if the application ended by
// itself or a call shows what was missing; a timeout alone proves nothing.
func finding(first, second outcome, calls []trace.Call) wire.Finding {
	switch {
	case first.Works:
		return wire.Finding{
			Verdict: wire.Works, Detail: "answered " + clip(strings.TrimSpace(first.Answer)),
			Numbers: map[string]float64{"seconds": first.Seconds},
		}
	case first.Fault != "":
		return wire.Finding{Verdict: wire.Inconclusive, Detail: clip(first.Fault)}
	}
	f := wire.Finding{Verdict: wire.Absent, Value: notStarted, Detail: first.detail()}
	if first.Started {
		f.Value = noAnswer
	}
	switch {
	case second.Works:
		return wire.Finding{Verdict: wire.Inconclusive, Detail: "worked when retried; the first time " + f.Detail}
	case second.Fault != "":
		return wire.Finding{Verdict: wire.Inconclusive, Detail: f.Detail + "; when retried: " + clip(second.Fault)}
	}
	call, ok := trace.Decisive(calls, second.Culprit, second.Said)
	if ok {
		f.Call, f.Errno = call.Text, probes.ErrnoName(call.Errno)
	}
	if first.Killed || first.Late && !ok {
		f.Verdict, f.Value = wire.Inconclusive, ""
	}
	return f
}

// detail says how the attempt failed and quotes the most telling line of output.
func (o outcome) detail() string {
	if line := o.Said[o.Culprit]; line != "" {
		return clip(o.How) + wire.AppSaid + line
	}
	return clip(o.How)
}

// clip bounds an application's output.
func clip(s string) string {
	const most = 500
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

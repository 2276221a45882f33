//go:build linux && amd64

package appguest

import (
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/trace"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// The two values of a finding that says absent.
const (
	notStarted = "does not start"
	noAnswer   = "starts but does not answer"
)

// finding makes one of a first attempt and, where that did not work, of a second under
// ptrace with the calls that failed in it. Absent wants that the application ended by
// itself, or that a call says what it lacked: time alone proves nothing.
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
		return wire.Finding{Verdict: wire.Inconclusive, Detail: "it worked when tried again; the first time " + f.Detail}
	case second.Fault != "":
		return wire.Finding{Verdict: wire.Inconclusive, Detail: f.Detail + "; tried again: " + clip(second.Fault)}
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

// detail says how it failed, and the line that tells most.
func (o outcome) detail() string {
	if line := o.Said[o.Culprit]; line != "" {
		return clip(o.How) + wire.AppSaid + line
	}
	return clip(o.How)
}

// clip bounds what an application says.
func clip(s string) string {
	const most = 500
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// telling is the line of a program's output that tells most of its trouble: the last one
// that names an error number, else the last that sounds like an error, else the last.
func telling(text string) string {
	trouble := regexp.MustCompile(`(?i)\b(error|fail|fatal|cannot|can't|could not|unable|denied|refused|unsupported|emerg|crit|abort)`)
	best, level := "", -1
	for raw := range strings.Lines(text) {
		line := strings.TrimSpace(raw)
		l := 0
		switch {
		case line == "":
			continue
		case namesErrno(line):
			l = 2
		case trouble.MatchString(line):
			l = 1
		}
		if l >= level {
			best, level = line, l
		}
	}
	return clip(best)
}

// namesErrno reports whether a line names an error number, any of the 133 there are.
func namesErrno(line string) bool {
	for e := syscall.Errno(1); e <= unix.EHWPOISON; e++ {
		if trace.Names(line, e) {
			return true
		}
	}
	return false
}

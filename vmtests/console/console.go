// Package console reads the serial log of a boot and decides how the boot ended. It runs on the
// host and is pure: it turns text and facts into an outcome. Its corpus in testdata has logs of
// real boots.
//
// The guest writes the log, which may contain anything. A line counts only at its
// beginning, after the kernel's time stamp, as printk writes it. What the host observed
// (the "done" event, how QEMU ended) outranks any line.
package console

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/vmtests/record"
)

// Phase is a phase of a boot that a console line shows.
type Phase int

// The phases, in the order of a boot.
const (
	// NoPhase: the line shows no phase.
	NoPhase Phase = iota
	// Banner: the kernel's first line (init/version-timestamp.c:28).
	Banner
	// Init: the kernel starts init (init/main.c:1377).
	Init
	// Panic: the kernel panics (kernel/panic.c).
	Panic
)

var (
	banner  = regexp.MustCompile(`^Linux version \d+\.\d+`)
	initRun = regexp.MustCompile(`^Run \S+ as init process`)
	panicRE = regexp.MustCompile(`^Kernel panic(?: - not syncing)?:(?: (.*)|$)`)
	noInit  = regexp.MustCompile(`^(No working init found|Attempted to kill init!|Requested init |VFS: Unable to mount root fs)`)
)

// PhaseOf returns the phase that a raw console line shows.
func PhaseOf(raw []byte) Phase {
	if !bytes.Contains(raw, []byte("Linux version")) && !bytes.Contains(raw, []byte("as init process")) &&
		!bytes.Contains(raw, []byte("Kernel panic")) {
		return NoPhase
	}
	phase := NoPhase
	split(raw, func(l line) {
		switch {
		case l.kernel && panicRE.Match(l.text): // any program can print it without a stamp
			phase = Panic
		case banner.Match(l.text):
			phase = max(phase, Banner)
		case initRun.Match(l.text):
			phase = max(phase, Init)
		}
	})
	return phase
}

// Killed is the reason why the host killed a guest.
type Killed string

// The reasons for killing a guest.
const (
	// NotKilled: QEMU ended by itself.
	NotKilled Killed = ""
	// KilledSilent: no console byte and no event within the silent limit.
	KilledSilent Killed = "silent"
	// KilledStuck: no progress within the stuck limit.
	KilledStuck Killed = "stuck"
	// KilledLate: still running at the time limit.
	KilledLate Killed = "late"
	// KilledFlood: more output than a boot may produce.
	KilledFlood Killed = "flood"
	// KilledAfterDone: the last event arrived, but the guest did not end.
	KilledAfterDone Killed = "after-done"
	// KilledDying: the kernel panicked, but did not reset.
	KilledDying Killed = "dying"
	// KilledStopped: a limit was passed while QEMU was stopped by a signal or a debugger.
	KilledStopped Killed = "stopped"
)

// Facts are what the host observed of a boot, apart from the console log.
type Facts struct {
	// Done: the guest's last event arrived.
	Done bool
	// Events is the number of events that arrived, Running the unfinished probe.
	Events  int
	Running string
	// Flood: the guest sent more than a boot may, on any channel.
	Flood bool
	// Killed says why the host killed the guest, Idle how long there had been no progress.
	Killed Killed
	Idle   time.Duration
	// Exit is QEMU's exit status, Signal the signal that ended it ("" for none).
	Exit   int
	Signal string
	// Quit: QEMU exited with status 0 although the guest had not shut the machine down.
	Quit bool
	// Message is QEMU's standard error.
	Message string
}

// Classify decides how a boot ended and says in one line what decided it. It checks for
// faults of QEMU first, because those say nothing about the kernel.
func Classify(l Log, f Facts) (record.Outcome, string) {
	fault := qemuFault(f)
	switch {
	case f.Done:
		return record.Completed, ""
	case fault != "":
		return record.QEMUFailed, fault
	case l.Panic != "":
		return panicked(l)
	case f.Events == 0 && (l.Bytes == 0 || l.onlyFirmware() && !f.Flood && f.Killed != KilledLate):
		return record.Silent, silentReason(l, f)
	}
	where := fmt.Sprintf("; last console line: %q", l.Last)
	if f.Running != "" {
		where = "; probe " + plain(f.Running) + " was running" + where
	}
	if f.Flood {
		return record.TimedOut, "the guest sent more output than a boot may" + where
	}
	if l.Banners > 1 {
		return record.Reset, fmt.Sprintf("the kernel started %d times", l.Banners) + where
	}
	switch f.Killed {
	case KilledLate:
		return record.TimedOut, "still making progress at the time limit" + where
	case NotKilled:
		return record.Reset, "the machine was reset before the guest was done" + where
	}
	if l.GaveUp != "" {
		where = fmt.Sprintf("; init gave up: %q", l.GaveUp)
	}
	return record.Hung, fmt.Sprintf("no progress for %s, %s%s", f.Idle.Round(time.Second), phaseText(l, f), where)
}

// qemuFault describes a fault of QEMU itself; "" if there was none.
func qemuFault(f Facts) string {
	switch {
	case f.Killed == KilledStopped:
		return "QEMU was stopped by a signal or a debugger and not continued"
	case f.Killed != NotKilled:
		return "" // the host sent the signal
	case f.Signal != "":
		return "QEMU was killed by " + f.Signal + ", which netstrip did not send"
	case strings.Contains(f.Message, "terminating on signal "): // the exit status is 0 then (system/runstate.c:qemu_kill_report)
		return "QEMU was terminated: " + plain(f.Message)
	case f.Exit != 0:
		return fmt.Sprintf("QEMU exited with status %d: %s", f.Exit, cmp.Or(plain(f.Message), "no message"))
	case f.Quit:
		return "QEMU exited with status 0, but the guest had not shut the machine down: " + cmp.Or(plain(f.Message), "no message")
	}
	return ""
}

// End returns a remark on how QEMU ended if that did not affect the outcome; "" if there
// is nothing to say.
func End(l Log, f Facts) string {
	switch {
	case f.Done && qemuFault(f) != "":
		return "after the guest was done: " + qemuFault(f)
	case f.Done && f.Killed != NotKilled:
		return "the guest was done but did not end; QEMU was killed"
	case l.Panic != "" && f.Killed != NotKilled:
		return "the panicked kernel did not reset; QEMU was killed"
	}
	return ""
}

func panicked(l Log) (record.Outcome, string) {
	reason := l.Panic
	if !l.Oopsed { // otherwise the kernel chose the signal
		reason += died(l.Panic)
	}
	if l.PanicTask != "" {
		reason += "; task " + l.PanicTask
	}
	if noInit.MatchString(l.Panic) && !l.Oopsed { // an oops in process 1 is the kernel's fault
		return record.InitFailed, reason
	}
	return record.Panicked, reason
}

// exitCode matches the wait status of init (do_exit, kernel/exit.c).
var exitCode = regexp.MustCompile(`^Attempted to kill init! exitcode=0x([0-9a-f]{8})$`)

// died says in words how init ended; "" if that is unknown.
func died(message string) string {
	m := exitCode.FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	code, err := strconv.ParseUint(m[1], 16, 32)
	if err != nil {
		return ""
	}
	switch status := syscall.WaitStatus(code); {
	case status.Exited():
		return fmt.Sprintf(" (exit status %d)", status.ExitStatus())
	case status.Signaled():
		return " (" + cmp.Or(unix.SignalName(status.Signal()), status.Signal().String()) + ")"
	}
	return ""
}

func phaseText(l Log, f Facts) string {
	switch {
	case f.Events > 0:
		return "in the guest's program"
	case l.Inits > 0:
		return "after init started"
	case l.Banners > 0:
		return "in the kernel, before init"
	}
	return "before the kernel banner"
}

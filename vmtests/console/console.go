// Package console reads the serial log of a boot and decides how the boot ended. It
// runs on the host and is pure: text and facts in, an outcome out. The corpus in
// testdata holds logs of real boots.
//
// The log is the guest's and may hold anything. A line decides only where it stands
// at the start, after the kernel's own time stamp, as printk writes it; and what the
// rig itself saw (the "done" event, how QEMU ended) weighs more than any line.
package console

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/netstrip/netstrip/vmtests/record"
)

// Phase is a stage of a boot that a console line shows.
type Phase int

// The phases, in the order a boot goes through them.
const (
	// NoPhase: the line shows none.
	NoPhase Phase = iota
	// Banner: the kernel's first line (init/version-timestamp.c:28).
	Banner
	// Init: the kernel hands over to user space (init/main.c:1377).
	Init
	// Panic: the kernel's last words (kernel/panic.c).
	Panic
)

var (
	banner  = regexp.MustCompile(`^Linux version \d+\.\d+`)
	initRun = regexp.MustCompile(`^Run \S+ as init process`)
	panicRE = regexp.MustCompile(`^Kernel panic(?: - not syncing)?:(?: (.*)|$)`)
	noInit  = regexp.MustCompile(`^(No working init found|Attempted to kill init!|Requested init |VFS: Unable to mount root fs)`)
)

// PhaseOf says which phase a raw console line shows.
func PhaseOf(raw []byte) Phase {
	if !bytes.Contains(raw, []byte("Linux version")) && !bytes.Contains(raw, []byte("as init process")) &&
		!bytes.Contains(raw, []byte("Kernel panic")) {
		return NoPhase
	}
	phase := NoPhase
	split(raw, func(l line) {
		switch {
		case l.kernel && panicRE.Match(l.text): // without a stamp anybody may have said it
			phase = Panic
		case banner.Match(l.text):
			phase = max(phase, Banner)
		case initRun.Match(l.text):
			phase = max(phase, Init)
		}
	})
	return phase
}

// Killed says why the rig ended a boot, if it did.
type Killed string

// The reasons for which the rig kills a guest.
const (
	// NotKilled: QEMU ended by itself.
	NotKilled Killed = ""
	// KilledSilent: no console byte and no event within the silent limit.
	KilledSilent Killed = "silent"
	// KilledStuck: no progress within the stuck limit.
	KilledStuck Killed = "stuck"
	// KilledLate: no end within the time limit.
	KilledLate Killed = "late"
	// KilledFlood: more output than a boot may have.
	KilledFlood Killed = "flood"
	// KilledAfterDone: all was said, but the guest did not end.
	KilledAfterDone Killed = "after-done"
	// KilledDying: the kernel panicked, but did not reset.
	KilledDying Killed = "dying"
	// KilledStopped: a limit was passed, but QEMU had been stopped and could not run.
	KilledStopped Killed = "stopped"
)

// Facts are what the rig saw of a boot beside the console log.
type Facts struct {
	// Done: the guest's last event arrived.
	Done bool
	// Events is how many events arrived, Running the probe begun and not ended.
	Events  int
	Running string
	// Flood: the guest sent more than a boot may, on whichever channel.
	Flood bool
	// Killed says why the rig ended the boot, Idle how long nothing had moved then.
	Killed Killed
	Idle   time.Duration
	// Exit is QEMU's exit status, Signal the signal that ended it ("" for none).
	Exit   int
	Signal string
	// Quit: QEMU ended with status 0 without a guest that had it end.
	Quit bool
	// Message is what QEMU itself said on its standard error.
	Message string
}

// Classify decides how a boot ended, and says in one line what decided it. The
// rig's own faults come first, so that no kernel is blamed for them.
func Classify(l Log, f Facts) (record.Outcome, string) {
	fault := qemuFault(f)
	switch {
	case f.Done:
		return record.Completed, ""
	case fault != "":
		return record.QEMUFailed, fault
	case l.Panic != "":
		return panicked(l)
	case l.Bytes == 0 && f.Events == 0:
		return record.Silent, silentReason(f)
	}
	where := fmt.Sprintf("; last console line: %q", l.Last)
	if f.Running != "" {
		where = "; probe " + plain(f.Running) + " had begun" + where
	}
	if f.Flood {
		return record.TimedOut, "it sent more output than a boot may" + where
	}
	if l.Banners > 1 {
		return record.Reset, fmt.Sprintf("the kernel started %d times", l.Banners) + where
	}
	switch f.Killed {
	case KilledLate:
		return record.TimedOut, "it moved on, but not to an end in time" + where
	case NotKilled:
		return record.Reset, "the machine was reset before the guest was done" + where
	}
	if l.GaveUp != "" {
		where = fmt.Sprintf("; init gave up: %q", l.GaveUp)
	}
	return record.Hung, fmt.Sprintf("nothing moved for %s, %s%s", f.Idle.Round(time.Second), phaseText(l, f), where)
}

// qemuFault says what QEMU itself died of or suffered, "" for nothing.
func qemuFault(f Facts) string {
	switch {
	case f.Killed == KilledStopped:
		return "QEMU was stopped, by a signal or a debugger, and did not go on"
	case f.Killed != NotKilled:
		return "" // the signal is the rig's own
	case f.Signal != "":
		return "QEMU was killed by " + f.Signal + ", which netstrip did not send"
	case strings.Contains(f.Message, "terminating on signal "): // and exits with 0 (system/runstate.c:qemu_kill_report)
		return "QEMU was told to end: " + plain(f.Message)
	case f.Exit != 0:
		return fmt.Sprintf("QEMU ended with status %d: %s", f.Exit, orElse(plain(f.Message), "it said nothing"))
	case f.Quit:
		return "QEMU ended with status 0, and no guest had the machine end: " + orElse(plain(f.Message), "it said nothing")
	}
	return ""
}

// End says what is worth knowing of how QEMU ended where the outcome does not turn on
// it; "" for nothing.
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
	if l.PanicTask != "" {
		reason += "; task " + l.PanicTask
	}
	if noInit.MatchString(l.Panic) && !l.Oopsed { // an oops in process 1 is the kernel's doing
		return record.InitFailed, reason
	}
	return record.Panicked, reason
}

func silentReason(f Facts) string {
	if f.Killed == NotKilled {
		return "the machine was reset before the first console byte"
	}
	return fmt.Sprintf("no console byte and no event in %s", f.Idle.Round(time.Second))
}

func phaseText(l Log, f Facts) string {
	switch {
	case f.Events > 0:
		return "in the guest's program"
	case l.Inits > 0:
		return "after init was started"
	case l.Banners > 0:
		return "in the kernel, before init"
	}
	return "before any banner of a kernel's"
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

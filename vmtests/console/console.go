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
)

var (
	stamp   = regexp.MustCompile(`^\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? `)
	escapes = regexp.MustCompile(`\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])`)
	banner  = regexp.MustCompile(`^Linux version \d+\.\d+`)
	initRun = regexp.MustCompile(`^Run \S+ as init process`)
	panicRE = regexp.MustCompile(`^Kernel panic - not syncing: (.*)`)
	noInit  = regexp.MustCompile(`^(No working init found|Attempted to kill init!|Requested init |VFS: Unable to mount root fs)`)
	taskRE  = regexp.MustCompile(`^CPU: \d+ (?:UID: \d+ )?PID: (\d+) Comm: (\S+)`)
	notable = regexp.MustCompile(`^(Out of memory: .*|Oops: .*|BUG: .*|watchdog: BUG: soft lockup.*|rcu: INFO: .*|INFO: task .* blocked for more than .*|WARNING: CPU: .*|Initramfs unpacking failed: .*)`)
)

// maxNotices bounds how many notable lines are kept; a broken guest repeats them.
const maxNotices = 20

// Clean strips from one console line what is not its text: the carriage return, the
// escape sequences a firmware sends, the kernel's time stamp.
func Clean(line []byte) string {
	line = bytes.TrimRight(line, "\r\n")
	if i := bytes.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	line = escapes.ReplaceAll(line, nil)
	return strings.TrimRight(string(stamp.ReplaceAll(line, nil)), " ")
}

// PhaseOf says which phase a raw console line shows.
func PhaseOf(line []byte) Phase {
	if !bytes.Contains(line, []byte("Linux version")) && !bytes.Contains(line, []byte("as init process")) {
		return NoPhase
	}
	switch text := Clean(line); {
	case banner.MatchString(text):
		return Banner
	case initRun.MatchString(text):
		return Init
	}
	return NoPhase
}

// Log is what a console log says.
type Log struct {
	// Bytes is its length.
	Bytes int
	// Banners and Inits count the lines of those phases.
	Banners, Inits int
	// Panic is the text of the first panic, after "not syncing: ".
	Panic string
	// PanicTask is the task that panicked, as "comm (pid n)".
	PanicTask string
	// Trace holds the functions of the panic's call trace, innermost first.
	Trace []string
	// Notices are oopses, OOM kills, lockups, stalls and warnings.
	Notices []string
	// Last is the last line with any text.
	Last string
}

// Read reads a console log.
func Read(log []byte) Log {
	l := Log{Bytes: len(log)}
	tracing := false
	for raw := range bytes.SplitSeq(log, []byte("\n")) {
		text := Clean(raw)
		if text == "" {
			continue
		}
		l.Last = text
		switch {
		case banner.MatchString(text):
			l.Banners++
		case initRun.MatchString(text):
			l.Inits++
		case l.Panic == "" && panicRE.MatchString(text):
			l.Panic = panicRE.FindStringSubmatch(text)[1]
		case notable.MatchString(text) && len(l.Notices) < maxNotices:
			l.Notices = append(l.Notices, text)
		}
		tracing = l.panicDetail(text, tracing)
	}
	return l
}

// panicDetail takes task and call trace from the lines that follow a panic.
func (l *Log) panicDetail(text string, tracing bool) bool {
	switch {
	case l.Panic == "":
		return false
	case l.PanicTask == "" && taskRE.MatchString(text):
		m := taskRE.FindStringSubmatch(text)
		l.PanicTask = fmt.Sprintf("%s (pid %s)", m[2], m[1])
	case strings.HasPrefix(text, "Call Trace:"):
		return true
	case strings.HasPrefix(text, "---[") || strings.HasPrefix(text, "Kernel Offset"):
		return false
	case tracing && strings.HasPrefix(text, " ") && !strings.Contains(text, "<"):
		l.Trace = append(l.Trace, strings.TrimSpace(text))
	}
	return tracing
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
)

// Facts are what the rig saw of a boot beside the console log.
type Facts struct {
	// Done: the guest's last event arrived.
	Done bool
	// Events is how many events arrived, Running the probe begun and not ended.
	Events  int
	Running string
	// Killed says why the rig ended the boot, Idle how long nothing had moved then.
	Killed Killed
	Idle   time.Duration
	// Exit is QEMU's exit status, Signal the signal that ended it ("" for none).
	Exit   int
	Signal string
	// Message is what QEMU itself said on its standard error.
	Message string
}

// Classify decides how a boot ended, and says in one line what decided it. The
// rig's own faults come first, so that no kernel is blamed for them.
func Classify(l Log, f Facts) (record.Outcome, string) {
	switch {
	case f.Killed == NotKilled && f.Signal != "":
		return record.QEMUFailed, "QEMU was killed by " + f.Signal + ", which netstrip did not send"
	case f.Killed == NotKilled && f.Exit != 0:
		return record.QEMUFailed, fmt.Sprintf("QEMU ended with status %d: %s", f.Exit, orElse(f.Message, "it said nothing"))
	case f.Done:
		return record.Completed, ""
	case l.Panic != "":
		return panicked(l)
	case l.Bytes == 0 && f.Events == 0:
		return record.Silent, silentReason(f)
	}
	where := fmt.Sprintf("; last console line: %q", l.Last)
	if f.Running != "" {
		where = "; probe " + f.Running + " had begun" + where
	}
	switch f.Killed {
	case KilledLate:
		return record.TimedOut, "it moved on, but not to an end in time" + where
	case KilledFlood:
		return record.TimedOut, "it sent more output than a boot may" + where
	case NotKilled:
		return record.Reset, "the machine was reset before the guest was done" + where
	}
	return record.Hung, fmt.Sprintf("nothing moved for %s, %s%s", f.Idle.Round(time.Second), phaseText(l, f), where)
}

func panicked(l Log) (record.Outcome, string) {
	reason := l.Panic
	if l.PanicTask != "" {
		reason += "; task " + l.PanicTask
	}
	if noInit.MatchString(l.Panic) {
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
	return "before the kernel's banner"
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

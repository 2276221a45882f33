package console

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Log is what a console log says. Its texts have no control characters, and at most
// maxText bytes of each line.
type Log struct {
	// Bytes is its length.
	Bytes int
	// Banners and Inits count the lines of those phases.
	Banners, Inits int
	// Panic is the text of the first panic, after "not syncing: ".
	Panic string
	// PanicTask is the task that panicked, as "comm (pid n)".
	PanicTask string
	// Trace holds the functions of the panic's call trace, innermost first; addresses
	// where the kernel has no CONFIG_KALLSYMS.
	Trace []string
	// Notices are oopses, OOM kills, lockups, stalls and warnings, each text once.
	Notices []string
	// Last is the last line with any text.
	Last string
}

// Bounds on what is kept of a log; a broken guest repeats itself.
const (
	maxNotices = 20
	maxTrace   = 32
)

// oopsText is the line every oops has (__die_header, arch/x86/kernel/dumpstack.c). In 6.1
// it does not begin with "Oops".
const oopsText = `.{1,200}: [0-9a-f]{4} \[#\d+\].*`

var (
	// The kernel says its command line right below its banner; "quiet" leaves only the
	// second form.
	commandLine = regexp.MustCompile(`^(?:Command line|Kernel command line): `)
	// kernel/reboot.c says these where user space asked for it. A panic does not pass
	// there.
	orderly = regexp.MustCompile(`^reboot: (?:Restarting system|Power down|Power off not available|System halted)`)
	task    = regexp.MustCompile(`^CPU: \d+ (?:UID: \d+ )?PID: (\d+) Comm: (\S+)`)
	blocked = regexp.MustCompile(`^task:(\S+) +state:\S+ +stack: *\d+ +pid: *(\d+)`)
	// frame is a line of a call trace. One with a question mark is only a leftover on
	// the stack.
	frame = regexp.MustCompile(`^ ([^ ?]\S*\+0x[0-9a-f]+/0x[0-9a-f]+|0xf[0-9a-f]{15})`)
	// kernelRIP is where the kernel was, which its call trace does not repeat.
	kernelRIP = regexp.MustCompile(`^RIP: 0010:(?:\[<)?([^ \]>]+)`)
	// traced are the panics that come right after the report of what led to them.
	traced = regexp.MustCompile(`^(?:Fatal exception|Out of memory|System is deadlocked on memory|softlockup: |hung_task: |RCU Stall|.*panic_on_warn)`)
	// An oops kills the task it happened in; process 1 takes the kernel along.
	initKilled = regexp.MustCompile(`^Attempted to kill init!`)
	oops       = regexp.MustCompile(`^` + oopsText)

	notable = regexp.MustCompile(`^(?:` + strings.Join([]string{
		`(?:Out of memory|Memory cgroup out of memory)\b.*`,
		oopsText,
		`(?:kernel )?BUG(?:: | at ).*`,
		`(?:NMI )?watchdog: .*(?:LOCKUP|lockup).*`,
		`rcu: INFO: .*`,
		`INFO: task .* blocked for more than .*`,
		`WARNING: .*`,
		`traps: .*`,
		`\S+\[\d+\]: segfault at .*`,
		`Initramfs unpacking failed: .*`,
		`Failed to execute \S+ \(error .*`,
	}, `|`) + `)`)
)

// report is the task and the call trace of an oops, a lockup, a shortage of memory.
type report struct {
	task, pid string
	trace     []string
	oops      bool
}

// reader reads a log line by line.
type reader struct {
	Log
	stamps  bool // the kernel stamps its lines
	again   bool // the last line was a banner, and not the first
	tracing bool // inside a call trace
	oopsed  bool // the next report is of an oops
	last    report
	own     bool // last came after the panic
	full    bool // last is complete, and another has begun
}

// Read reads a console log.
func Read(log []byte) Log {
	r := reader{Log: Log{Bytes: len(log)}}
	for raw := range bytes.SplitSeq(log, []byte("\n")) {
		text, stamped := clean(raw)
		if text == "" {
			continue
		}
		r.Last = text
		if r.stamps && !stamped {
			continue // a kernel that stamps its lines has not printed this one
		}
		r.line(text, stamped)
	}
	r.settle()
	return r.Log
}

// line takes up one line that the kernel may have printed.
func (r *reader) line(text string, stamped bool) {
	again := r.again
	r.again = false
	switch {
	case banner.MatchString(text) && r.Banners == 0:
		r.Banners, r.stamps = 1, stamped
	case banner.MatchString(text):
		r.again = true // or somebody has shown /proc/version
	case again && commandLine.MatchString(text):
		r.Banners++
	case initRun.MatchString(text):
		r.Inits++
	case r.Panic == "" && panicRE.MatchString(text):
		r.Panic = panicRE.FindStringSubmatch(text)[1]
	case r.Panic != "" && !r.own && orderly.MatchString(text):
		r.Panic = "" // it was no panic: user space wrote the line, perhaps to /dev/kmsg
	case notable.MatchString(text):
		r.notice(text)
	}
	r.detail(text)
}

func (r *reader) notice(text string) {
	if len(r.Notices) < maxNotices && !slices.Contains(r.Notices, text) {
		r.Notices = append(r.Notices, text)
	}
}

// detail takes task and call trace from the lines of a report.
func (r *reader) detail(text string) {
	if oops.MatchString(text) {
		r.oopsed = true
	}
	if m := task.FindStringSubmatch(text); m != nil {
		r.begin(m[2], m[1])
	} else if m := blocked.FindStringSubmatch(text); m != nil {
		r.begin(m[1], m[2])
	}
	switch {
	case strings.HasPrefix(text, "Call Trace:"):
		r.tracing = !r.full && len(r.last.trace) <= 1 // a second one is of another task
	case strings.HasPrefix(text, " </TASK>") || strings.HasPrefix(text, "---["):
		r.tracing = false
	}
	m := frame.FindStringSubmatch(text)
	if !r.tracing {
		m = nil
		if len(r.last.trace) == 0 { // it is said again after the trace
			m = kernelRIP.FindStringSubmatch(text)
		}
	}
	if m != nil && len(r.last.trace) < maxTrace {
		r.last.trace = append(r.last.trace, m[1])
	}
}

// begin starts a report. A panic has one of its own at most: what comes later are
// reports of other processors.
func (r *reader) begin(task, pid string) {
	r.tracing = false
	if r.own {
		r.full = true
		return
	}
	r.last, r.own = report{task: task, pid: pid, oops: r.oopsed}, r.Panic != ""
	r.oopsed = false
}

// settle gives the panic its report: the one that followed it or, where the panic came
// of what had been reported, the one before.
func (r *reader) settle() {
	led := traced.MatchString(r.Panic) || initKilled.MatchString(r.Panic) && r.last.oops && r.last.pid == "1"
	if r.last.task == "" || !r.own && !led {
		return
	}
	r.PanicTask = fmt.Sprintf("%s (pid %s)", r.last.task, r.last.pid)
	r.Trace = r.last.trace
}

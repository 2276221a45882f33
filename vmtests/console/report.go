package console

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// report is the task and call trace of an oops, a lockup or an out-of-memory kill.
type report struct {
	task, pid string
	trace     []string
	oops      bool
	placed    bool // the last function comes from the line with the instruction pointer
	tracing   bool // inside its call trace
	full      bool // its call trace has ended
	lines     int
}

// reports are the reports of a log: the latest one of each caller, and those that concern
// the panic. If the kernel does not name callers, they share one report, and those of two
// processors may get mixed up.
type reports struct {
	open    map[string]*report
	oopsed  map[string]bool // the caller's next report is of an oops
	by      string          // the caller that panicked
	before  *report         // its last report before the panic
	latest  *report         // the last report of any caller
	after   []*report       // its reports after the panic
	dead    bool            // there has been a panic
	closed  bool            // a second boot has started, whose reports do not concern the panic
	missing bool            // the beginning of the panic is lost
}

// Bounds on the number of callers, on the reports after a panic, and on the lines of one
// report.
const (
	maxCallers = 64
	maxAfter   = 8
	maxReport  = 1000
)

const (
	function = `[A-Za-z_.$][\w.$]*\+0x[0-9a-f]+/0x[0-9a-f]+`
	// kernelAddress replaces the name of a function if the kernel has no CONFIG_KALLSYMS.
	kernelAddress = `0x[89a-f][0-9a-f]{15}\b|0x[89a-f][0-9a-f]{7}\b`
	// oldModule is the name of a module, as kernels before 2.6.25 print it.
	oldModule = `(?::\w+:)?`
	address   = `\[<?[0-9a-fx()_ptrvalnu ]{4,20}>?\]`
)

var (
	// task and oldTask match the line that begins a report (dump_stack_print_info,
	// lib/dump_stack.c) now and before 3.10, bare that of ARM and s390 before 3.10. The name
	// of a task may contain spaces.
	task    = regexp.MustCompile(`^CPU: ?\d+ (?:UID: \d+ )?PID: (\d+) [Cc]omm: (.*)`)
	oldTask = regexp.MustCompile(`^Pid: (\d+), comm: (.*)`)
	bare    = regexp.MustCompile(`^CPU: +\d+(?: +(?:Not tainted|Tainted: )|$)`)
	tainted = regexp.MustCompile(` +(?:Kdump: loaded )?(?:Not tainted|Tainted\b).*`)
	blocked = regexp.MustCompile(`^task:(.+?) +state:\S+ +stack: *\d+ +pid: *(\d+)`)
	hung    = regexp.MustCompile(`^(?:.*: )?INFO: task (.+):(\d+) (?:blocked|can't die) `)
	// process and thread match a line that names the task later in a report
	// (arch/*/kernel/traps.c).
	process = regexp.MustCompile(`^Process (.+?) \(pid: (\d+)[,)]`)
	thread  = regexp.MustCompile(`^TASK = [0-9a-f]+\[(\d+)\] '(.+?)'`)

	// heading begins a call trace.
	heading = regexp.MustCompile(`^ ?(?:Call Trace|Call trace|Backtrace|Stack [Tt]race|Trace): ?`)
	// frame matches a line of a call trace: without an address (x86), with one before the
	// function (RISC-V, MIPS, s390, x86 until 4.9), or with two (PowerPC). A frame with a
	// question mark or marked as unreliable is a leftover on the stack.
	frame = regexp.MustCompile(`^ *(?:<+/?[A-Z_#]\w*>+ *)*(?:\(?` + address + `\)? *){0,2}(\? +)?` + oldModule + `(` + function + `|` + kernelAddress + `)(.*)`)
	// braced matches the functions in a line of a call trace of x86-64 before 2.6.16.
	braced = regexp.MustCompile(`>\{([\w.:]+\+\d+)\}`)
	// called matches a line of a call trace of ARM: a function and its caller.
	called = regexp.MustCompile(`^ *(?:` + address + ` )?\(?([A-Za-z_.$][\w.$]*)(?:\+0x[0-9a-f]+/0x[0-9a-f]+)?\)? from (?:` + address + ` )?\(?(` + function + `)\)?`)
	// where matches the line with the instruction pointer of x86, ARM, arm64, RISC-V and
	// MIPS, PowerPC, s390, LoongArch and SPARC. After a trap it is also part of the call
	// trace, which does not repeat the function.
	where = regexp.MustCompile(`^ *(?:[RE]IP: ([0-9a-f]{4}):(?:` + address + ` *)*|(?:EIP|PC) is at |pc : |epc *: (?:[0-9a-f]{8,16} )?|NIP ` + address + ` |Krnl PSW : [0-9a-f]{16} [0-9a-f]{16} \(|` +
		`ERA: [0-9a-f]+ |TPC: <|EIP: (?:` + address + ` *)?|--- interrupt: [0-9a-f]+ at )` + oldModule + `(` + function + `|0x[0-9a-f]+)`)
	// panics matches the function that panics, which is part of a panic's own call trace.
	panics = regexp.MustCompile(`^(?:__|v|nmi_)?panic(?:_saved_regs|\.\w+)*(?:\+|$)`)

	// quiet matches the panics without a report of their own, because an oops has just
	// printed one (panic, kernel/panic.c). traced matches those that follow the report of
	// their cause and may have another of their own.
	quiet  = regexp.MustCompile(`(?:^|: )Fatal exception`)
	traced = regexp.MustCompile(`^(?:Out of memory|System is deadlocked on memory|softlockup: |hung_task: |RCU Stall|Hard LOCKUP|Aiee, killing interrupt handler|Attempted to kill the idle task|.*panic_on_warn)`)
	// initKilled matches the panic after process 1 has ended. An oops kills its task.
	initKilled = regexp.MustCompile(`^Attempted to kill init!`)

	// ends are the beginnings of lines that end a call trace. Later traces in the same
	// report, such as that of an allocation, do not show what happened.
	ends = []string{
		" </TASK>", "---[", "Allocated by ", "Freed by ", "Last potentially related work creation", "The buggy address ",
		"Memory state around ", "Modules linked in:", "Kernel Offset:", "Rebooting in ", "Last Breaking-Event-Address",
		"Uninit was ", "Showing all locks held", "Sending NMI ", "NMI backtrace ", "Mem-Info:", "Instruction dump:",
		"SMP: stopping ", "smp: stopping ", "Dumping ftrace ", "CPU features: ", "Memory Limit:", "Reported by ",
	}
)

func newReports() reports {
	return reports{open: map[string]*report{}, oopsed: map[string]bool{}}
}

// oops records that a caller reports an oops.
func (r *reports) oops(l line) {
	if len(r.oopsed) >= maxCallers {
		clear(r.oopsed)
	}
	r.oopsed[string(l.caller)] = true
}

// detail reads the task and the call trace from a line of a report.
func (r *reports) detail(l line) {
	var cur *report
	if len(r.open) > 0 {
		cur = r.open[string(l.caller)]
	}
	switch l.text[0] {
	case 'C', 'P', 'T', 't', 'I', 'S', 'B', ' ':
		if r.header(l, cur) {
			return
		}
	}
	if cur == nil && !r.dead {
		return
	}
	text := l.text[:min(len(l.text), maxText)]
	if bytes.Contains(text, []byte(" from ")) {
		if m := called.FindSubmatch(text); m != nil {
			r.current(l).from(string(m[1]), string(m[2]))
			return
		}
	}
	if cur == nil {
		return
	}
	cur.body(text)
}

// header reads a line that begins a report or its call trace or names its task. It returns
// true if the line is done with.
func (r *reports) header(l line, cur *report) bool {
	text := l.text[:min(len(l.text), maxText)]
	switch {
	case bytes.HasPrefix(text, []byte("CPU: ")), bytes.HasPrefix(text, []byte("Pid: ")):
		for _, re := range []*regexp.Regexp{task, oldTask} {
			if m := re.FindSubmatch(text); m != nil {
				r.begin(l, show(tainted.ReplaceAll(m[2], nil)), string(m[1]))
				return true
			}
		}
		if bare.Match(text) {
			r.begin(l, "", "")
		}
	case bytes.HasPrefix(text, []byte("task:")):
		if m := blocked.FindSubmatch(text); m != nil {
			r.begin(l, show(m[1]), string(m[2]))
		}
	case bytes.Contains(text, []byte("INFO: task ")):
		if m := hung.FindSubmatch(text); m != nil {
			r.begin(l, show(m[1]), string(m[2]))
		}
	case cur != nil && cur.task == "" && bytes.HasPrefix(text, []byte("Process ")):
		if m := process.FindSubmatch(text); m != nil {
			cur.task, cur.pid = show(m[1]), string(m[2])
		}
	case cur != nil && cur.task == "" && bytes.HasPrefix(text, []byte("TASK = ")):
		if m := thread.FindSubmatch(text); m != nil {
			cur.task, cur.pid = show(m[2]), string(m[1])
		}
	case bytes.Contains(text, []byte("race:")):
		if n := len(heading.Find(text)); n > 0 {
			cur = r.current(l)
			cur.tracing = !cur.full && len(cur.trace) <= 1 // a second trace shows something else
			cur.full = cur.full || !cur.tracing
			if cur.tracing && len(text) > n {
				cur.body(append([]byte(" "), text[n:]...))
			}
			return true
		}
	}
	return false
}

// begin starts a report.
func (r *reports) begin(l line, task, pid string) *report {
	if len(r.open) >= maxCallers {
		clear(r.open)
	}
	caller := string(l.caller)
	next := &report{task: task, pid: pid, oops: r.oopsed[caller]}
	delete(r.oopsed, caller)
	r.open[caller], r.latest = next, next
	// An oops after a panic is on another processor.
	if r.dead && !r.closed && caller == r.by && !next.oops && len(r.after) < maxAfter {
		r.after = append(r.after, next)
	}
	return next
}

// current returns the caller's current report, or begins one.
func (r *reports) current(l line) *report {
	cur := r.open[string(l.caller)]
	if cur == nil {
		return r.begin(l, "", "")
	}
	return cur
}

// blank reads an empty line, which ends a call trace.
func (r *reports) blank(l line) {
	if cur := r.open[string(l.caller)]; cur != nil && cur.tracing && len(cur.trace) > 1 {
		cur.end()
	}
}

func (r *reports) panicked(l line) {
	r.by = string(l.caller)
	delete(r.oopsed, r.by)
	r.before, r.dead = r.open[r.by], true
	if r.before == nil && r.latest != nil && r.latest.oops { // another caller printed it
		r.before = r.latest
	}
	delete(r.open, r.by)
}

// lost attributes the last report to a panic whose first line is lost.
func (r *reports) lost(l line) {
	r.panicked(l)
	r.missing = true
}

// of returns the report of a panic: the one that followed it or, if the panic was caused by
// what had been reported, the one before it; nil if there is neither.
func (r *reports) of(message string) *report {
	if !r.dead || message == "" {
		return nil
	}
	killed := initKilled.MatchString(message) && r.before != nil && r.before.oops && r.before.pid == "1"
	if i := slices.IndexFunc(r.after, (*report).panics); i >= 0 {
		own := *r.after[i]
		own.oops = killed
		return &own
	}
	switch {
	case quiet.MatchString(message), killed, r.missing:
		return r.before
	case len(r.after) > 0:
		return r.after[0]
	case traced.MatchString(message):
		return r.before
	}
	return nil
}

// panics reports whether the call trace contains the function that panics.
func (r *report) panics() bool {
	return slices.ContainsFunc(r.trace, panics.MatchString)
}

// body reads a line of a report.
func (r *report) body(text []byte) {
	r.lines++
	if r.full = r.full || r.lines > maxReport; r.full {
		return
	}
	if m := where.FindSubmatch(text); m != nil {
		r.place(text, string(m[1]), string(m[2]))
		return
	}
	if !r.tracing && text[0] != '[' { // an oops of RISC-V has no heading
		return
	}
	for _, e := range ends {
		if bytes.HasPrefix(text, []byte(e)) {
			r.end()
			return
		}
	}
	if bytes.Contains(text, []byte(">{")) {
		for _, m := range braced.FindAllSubmatch(text, maxTrace) {
			r.add(string(m[1]))
		}
		return
	}
	if m := frame.FindSubmatch(text); m != nil && len(m[1]) == 0 && !bytes.HasPrefix(m[3], []byte(" (unreliable)")) {
		r.tracing = true
		r.add(string(m[2]))
	}
}

// place reads a line with the instruction pointer, before the call trace or inside it.
func (r *report) place(text []byte, selector, function string) {
	switch {
	case userSpace(selector), text[0] == '-' && function[0] == '0':
	case r.tracing && bytes.HasPrefix(text, []byte("EIP: [")): // repeated at the end of a report
		r.end()
	case r.tracing || len(r.trace) == 0:
		r.add(function)
		r.placed = true
	}
}

// userSpace reports whether an x86 code segment selector is one of user space.
func userSpace(selector string) bool {
	return slices.Contains([]string{"0033", "0023", "0073", "e033", "002b"}, selector)
}

// from reads a line of ARM, with a function and its caller.
func (r *report) from(function, caller string) {
	if r.full {
		return
	}
	r.tracing = true
	if n := len(r.trace); n == 0 || !strings.HasPrefix(r.trace[n-1], function) {
		r.add(function)
	}
	r.add(caller)
}

// add appends a function to the call trace. It skips one that was just placed, with which
// some architectures begin the trace.
func (r *report) add(function string) {
	if n := len(r.trace); r.placed && r.trace[n-1] == function {
		return
	}
	r.placed = false
	if len(r.trace) < maxTrace {
		r.trace = append(r.trace, function)
	}
}

func (r *report) end() {
	if r.tracing {
		r.tracing, r.full = false, true
	}
}

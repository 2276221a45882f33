package console

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// report is the task and the call trace of an oops, a lockup, a shortage of memory.
type report struct {
	task, pid string
	trace     []string
	oops      bool
	placed    bool // the last function is of a line that says where the kernel was
	tracing   bool // inside its call trace
	full      bool // its call trace has ended
	lines     int
}

// reports are the reports of a log: of each caller the last one begun, and those that
// have to do with the panic. Where the kernel does not name callers there is one for all,
// and reports of two processors may run into one another.
type reports struct {
	open    map[string]*report
	oopsed  map[string]bool // the caller's next report is of an oops
	by      string          // who panicked
	before  *report         // its last report before the panic
	latest  *report         // the last report of any caller
	after   []*report       // its reports after the panic
	dead    bool            // there has been a panic
	closed  bool            // a second boot has begun, which has no part in the panic
	missing bool            // of the panic only the end was seen
}

// Bounds on what is kept of a log with many callers, on what came after a panic, and on
// the lines of one report.
const (
	maxCallers = 64
	maxAfter   = 8
	maxReport  = 1000
)

const (
	function = `[A-Za-z_.$][\w.$]*\+0x[0-9a-f]+/0x[0-9a-f]+`
	// kernelAddress is what stands for a function where the kernel has no CONFIG_KALLSYMS.
	kernelAddress = `0x[89a-f][0-9a-f]{15}\b|0x[89a-f][0-9a-f]{7}\b`
	// oldModule is the name of a module where kernels before 2.6.25 put it.
	oldModule = `(?::\w+:)?`
	address   = `\[<?[0-9a-fx()_ptrvalnu ]{4,20}>?\]`
)

var (
	// task and oldTask are the lines that begin a report (dump_stack_print_info,
	// lib/dump_stack.c), now and before 3.10; bare is that of ARM and s390 then. A name may
	// have spaces.
	task    = regexp.MustCompile(`^CPU: ?\d+ (?:UID: \d+ )?PID: (\d+) [Cc]omm: (.*)`)
	oldTask = regexp.MustCompile(`^Pid: (\d+), comm: (.*)`)
	bare    = regexp.MustCompile(`^CPU: +\d+(?: +(?:Not tainted|Tainted: )|$)`)
	tainted = regexp.MustCompile(` +(?:Kdump: loaded )?(?:Not tainted|Tainted\b).*`)
	blocked = regexp.MustCompile(`^task:(.+?) +state:\S+ +stack: *\d+ +pid: *(\d+)`)
	hung    = regexp.MustCompile(`^(?:.*: )?INFO: task (.+):(\d+) (?:blocked|can't die) `)
	// process names the task of a report that has begun without (arch/*/kernel/traps.c).
	process = regexp.MustCompile(`^Process (.+?) \(pid: (\d+)[,)]`)
	thread  = regexp.MustCompile(`^TASK = [0-9a-f]+\[(\d+)\] '(.+?)'`)

	// heading begins a call trace.
	heading = regexp.MustCompile(`^ ?(?:Call Trace|Call trace|Backtrace|Stack [Tt]race|Trace): ?`)
	// frame is a line of a call trace: as x86 has it now; with an address before it, as
	// RISC-V, MIPS and s390 have it, and x86 until 4.9; with two, as PowerPC. One with a
	// question mark, or marked as unreliable, is only a leftover on the stack.
	frame = regexp.MustCompile(`^ *(?:<+/?[A-Z_#]\w*>+ *)*(?:\(?` + address + `\)? *){0,2}(\? +)?` + oldModule + `(` + function + `|` + kernelAddress + `)(.*)`)
	// braced are the functions of a line of x86-64's trace before 2.6.16.
	braced = regexp.MustCompile(`>\{([\w.:]+\+\d+)\}`)
	// called is a line of ARM's: who was called from where.
	called = regexp.MustCompile(`^ *(?:` + address + ` )?\(?([A-Za-z_.$][\w.$]*)(?:\+0x[0-9a-f]+/0x[0-9a-f]+)?\)? from (?:` + address + ` )?\(?(` + function + `)\)?`)
	// where is the line that says where the kernel was, of x86, ARM, arm64, RISC-V and MIPS,
	// PowerPC, s390, LoongArch and SPARC. After a trap it stands inside the call trace too,
	// which does not repeat it.
	where = regexp.MustCompile(`^ *(?:[RE]IP: ([0-9a-f]{4}):(?:` + address + ` *)*|(?:EIP|PC) is at |pc : |epc *: (?:[0-9a-f]{8,16} )?|NIP ` + address + ` |Krnl PSW : [0-9a-f]{16} [0-9a-f]{16} \(|` +
		`ERA: [0-9a-f]+ |TPC: <|EIP: (?:` + address + ` *)?|--- interrupt: [0-9a-f]+ at )` + oldModule + `(` + function + `|0x[0-9a-f]+)`)
	// panics is the function that panics, which stands in a panic's own trace.
	panics = regexp.MustCompile(`^(?:__|v|nmi_)?panic(?:_saved_regs|\.\w+)*(?:\+|$)`)

	// quiet are the panics that have no report of their own, since an oops has just had
	// one (panic, kernel/panic.c); traced those that come right after the report of what
	// led to them, and may have another.
	quiet  = regexp.MustCompile(`(?:^|: )Fatal exception`)
	traced = regexp.MustCompile(`^(?:Out of memory|System is deadlocked on memory|softlockup: |hung_task: |RCU Stall|Hard LOCKUP|Aiee, killing interrupt handler|Attempted to kill the idle task|.*panic_on_warn)`)
	// An oops kills the task it happened in; process 1 takes the kernel along.
	initKilled = regexp.MustCompile(`^Attempted to kill init!`)

	// ends are the lines that end a call trace: other traces of the same report, such as
	// that of an allocation, are not of what happened.
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

// oops notes that a caller reports an oops.
func (r *reports) oops(l line) {
	if len(r.oopsed) >= maxCallers {
		clear(r.oopsed)
	}
	r.oopsed[string(l.caller)] = true
}

// detail takes task and call trace from the lines of a report.
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

// header takes up a line that begins a report or its call trace, or names its task.
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
			cur.tracing = !cur.full && len(cur.trace) <= 1 // a second one is of something else
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
	// What oopses after a panic is another processor.
	if r.dead && !r.closed && caller == r.by && !next.oops && len(r.after) < maxAfter {
		r.after = append(r.after, next)
	}
	return next
}

// current is the report under way. After a panic, one without a beginning is the panic's.
func (r *reports) current(l line) *report {
	cur := r.open[string(l.caller)]
	if cur == nil {
		return r.begin(l, "", "")
	}
	return cur
}

// blank takes up an empty line, which ends a call trace.
func (r *reports) blank(l line) {
	if cur := r.open[string(l.caller)]; cur != nil && cur.tracing && len(cur.trace) > 1 {
		cur.end()
	}
}

func (r *reports) panicked(l line) {
	r.by = string(l.caller)
	delete(r.oopsed, r.by)
	r.before, r.dead = r.open[r.by], true
	if r.before == nil && r.latest != nil && r.latest.oops { // before it was printed by another caller
		r.before = r.latest
	}
	delete(r.open, r.by)
}

// lost takes the last report for the panic's, whose line did not come through.
func (r *reports) lost(l line) {
	r.panicked(l)
	r.missing = true
}

// of returns the report of a panic: the one that followed it or, where the panic came of
// what had been reported, the one before; nil for neither.
func (r *reports) of(panic string) *report {
	if !r.dead || panic == "" {
		return nil
	}
	killed := initKilled.MatchString(panic) && r.before != nil && r.before.oops && r.before.pid == "1"
	if i := slices.IndexFunc(r.after, (*report).panics); i >= 0 {
		own := *r.after[i]
		own.oops = killed
		return &own
	}
	switch {
	case quiet.MatchString(panic), killed, r.missing:
		return r.before
	case len(r.after) > 0:
		return r.after[0]
	case traced.MatchString(panic):
		return r.before
	}
	return nil
}

// panics tells whether the report is of the function that panics.
func (r *report) panics() bool {
	return slices.ContainsFunc(r.trace, panics.MatchString)
}

// body takes up a line of a report that has begun.
func (r *report) body(text []byte) {
	r.lines++
	if r.full = r.full || r.lines > maxReport; r.full {
		return
	}
	if m := where.FindSubmatch(text); m != nil {
		r.place(text, string(m[1]), string(m[2]))
		return
	}
	if !r.tracing && text[0] != '[' { // RISC-V has no heading when it oopses
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

// place takes up a line that says where the kernel was, before the call trace or inside.
func (r *report) place(text []byte, selector, function string) {
	switch {
	case userSpace(selector), text[0] == '-' && function[0] == '0':
	case r.tracing && bytes.HasPrefix(text, []byte("EIP: [")): // it is said again in the end
		r.end()
	case r.tracing || len(r.trace) == 0:
		r.add(function)
		r.placed = true
	}
}

// userSpace tells whether a code segment of x86 is that of user space.
func userSpace(selector string) bool {
	switch selector {
	case "0033", "0023", "0073", "e033", "002b":
		return true
	}
	return false
}

// from takes up a line of ARM's, which names a function and its caller.
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

// add adds a function, but for one whose place was just named: some architectures begin a
// call trace with it.
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

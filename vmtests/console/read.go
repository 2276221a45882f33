package console

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Log is what a console log says. Its texts have no control characters, and at most
// maxText bytes of each line.
type Log struct {
	// Bytes is its length, Lines how many of its lines have any text, and Kernel how many of
	// these stand where a kernel's lines stand and show that they are.
	Bytes, Lines, Kernel int
	// Banners and Inits count the lines of those phases.
	Banners, Inits int
	// Panic is the text of the first panic, after "not syncing: ".
	Panic string
	// PanicTask is the task that panicked, as "comm (pid n)".
	PanicTask string
	// Trace holds the functions of the panic's call trace, innermost first; addresses
	// where the kernel has no CONFIG_KALLSYMS.
	Trace []string
	// Oopsed: the panic only followed from an oops in that task.
	Oopsed bool
	// Again: a kernel was at work before the first banner, and began again with it.
	Again bool
	// Notices are oopses, OOM kills, lockups, stalls and warnings, of those that differ in
	// numbers alone the first, with a count. Faults is how many lines were reports of the
	// kernel's own faults.
	Notices []string
	Faults  int
	// GaveUp is the complaint with which init gave up and stopped, if it said so.
	GaveUp string
	// Ended is the line by which user space ended the kernel in order, if it did.
	Ended string
	// Last is the last line with any text.
	Last string
	// Foreign says why a file with this text is no console log of a kernel's, "" where it is
	// one. What else was read of it then says nothing, unless a machine did print it.
	Foreign string
}

// Bounds on what is kept of a log; a broken guest repeats itself.
const (
	maxNotices = 20
	maxTrace   = 256
	// maxLine is how much of a line without an end is read as one.
	maxLine = 64 << 10
	// maxHead is how much of the beginning tells what a file is that is no log.
	maxHead = 4 << 10
	// maxForeign is how much is read of a file in which nothing is a kernel's.
	maxForeign = 16 << 20
	// maxApart is how many lines after its banner a kernel says its command line, where it
	// has no time stamps that would show that it began again.
	maxApart = 80
)

var (
	// The kernel says its command line right below its banner; "quiet" leaves only the
	// second form.
	commandLine = regexp.MustCompile(`^(?:Command line|Kernel command line): `)
	// kernel/reboot.c says these where user space asked for it. A panic does not pass
	// there.
	orderly = regexp.MustCompile(`^reboot: (?:Restarting system|Power down|Power off not available|System halted)`)
	// panicEnd is what a panic says in the end; its first line may be lost.
	panicEnd = regexp.MustCompile(`^---\[ end Kernel panic - not syncing: (.*?)(?: \]---)?$`)
	// remains are how the kernel ends its report of a fault or of a panic, whose beginning
	// may be lost (oops_exit and panic, kernel/panic.c).
	remains = regexp.MustCompile(`^(?:---\[ end trace |Rebooting in \d+ seconds\.\.$)`)
)

// reader reads a log line by line.
type reader struct {
	Log
	noted  notices
	stamps bool  // the kernel stamps its lines
	peak   int64 // the latest time stamp of this boot
	again  int   // how many lines ago there was a banner that was not the first; 0 for none
	until  int64 // the latest time stamp before that banner
	last   []byte
	head   []byte
	fenced bool // inside a block of code of a page in Markdown, which quotes
	quoted int  // lines of a kernel's in quotation
	proof  int  // lines that say something and are no quotation
	sure   bool // the panic's line is the kernel's beyond doubt
	init   mouth
	reports
}

// Read reads a console log.
func Read(log []byte) Log {
	r := newReader()
	r.head = log[:min(len(log), maxHead)]
	for len(log) > 0 {
		i := bytes.IndexByte(log, '\n')
		if i < 0 {
			i = len(log) - 1
		}
		r.Bytes += i + 1
		r.raw(bytes.TrimSuffix(log[:i+1], []byte("\n")))
		log = log[i+1:]
	}
	return r.settle()
}

// ReadFrom reads a console log of any length. Of one in which nothing is a kernel's it
// reads the beginning.
func ReadFrom(in io.Reader) (Log, error) {
	r := newReader()
	b := bufio.NewReaderSize(in, maxLine)
	head, err := b.Peek(maxHead)
	if err != nil && err != io.EOF {
		return r.settle(), fmt.Errorf("reading the log: %w", err)
	}
	r.head = bytes.Clone(head)
	for {
		raw, err := b.ReadSlice('\n')
		r.Bytes += len(raw)
		r.raw(bytes.TrimSuffix(raw, []byte("\n")))
		switch {
		case err == io.EOF, r.Bytes > maxForeign && r.Kernel == 0 && r.Banners == 0:
			return r.settle(), nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return r.settle(), fmt.Errorf("reading the log: %w", err)
		}
	}
}

func newReader() *reader { return &reader{peak: -1, reports: newReports()} }

// raw takes up one line of the console.
func (r *reader) raw(raw []byte) {
	if len(raw) > 2 && raw[0] == '`' && bytes.HasPrefix(raw, []byte("```")) {
		r.fenced = !r.fenced
	}
	split(raw, func(l line) {
		l.odd = l.odd || r.fenced
		l.text = bytes.TrimRight(l.text, " \t")
		if len(l.text) == 0 {
			if l.kernel {
				r.blank(l)
			}
			return
		}
		r.Lines++
		r.last = append(r.last[:0], l.text[:min(len(l.text), maxText)]...)
		if l.kernel && l.odd {
			r.quoted++
		} else if l.kernel {
			r.Kernel++
		}
		r.line(l)
	})
}

// line takes up one line with text.
func (r *reader) line(l line) {
	if r.again > 0 {
		r.next(l)
	}
	if r.Inits > 0 {
		r.init.hear(l)
	}
	before := r.peak
	r.peak = max(r.peak, l.us)
	if l.text[0] == 'B' && before > 0 && !l.kernel && bytes.HasPrefix(l.text, []byte("Booting the kernel.")) {
		r.Again = true // it is unpacked anew (arch/x86/boot/compressed/misc.c)
	}
	if r.stamps && !l.kernel { // a kernel that stamps its lines has not printed this one
		r.foreign(l)
		return
	}
	if r.phase(l, before) {
		r.prove(l)
	} else if k, ok := find(l); ok {
		r.prove(l)
		r.note(l, k)
	}
	r.detail(l)
}

// prove notes that a line is a kernel's, unless it is quoted, as in a program's source.
func (r *reader) prove(l line) {
	if !l.odd {
		r.proof++
	}
}

// phase takes up a line that shows a phase of the boot or its end.
func (r *reader) phase(l line, before int64) bool {
	switch c := l.text[0]; {
	case c == 'L' && bytes.HasPrefix(l.text, []byte("Linux v")) && banner.Match(l.text):
		r.banner(l, before)
	case r.again > 0 && (c == 'C' || c == 'K') && commandLine.Match(l.text):
		r.restart()
	case c == 'R' && bytes.HasPrefix(l.text, []byte("Run ")) && initRun.Match(l.text):
		r.Inits++
	case c == 'K' && bytes.HasPrefix(l.text, []byte("Kernel panic")) && panicRE.Match(l.text):
		r.panic(l)
	case c == 'r' && orderly.Match(l.text):
		r.orderly(l)
	case c == '-' && r.Panic == "" && panicEnd.Match(l.text):
		r.lost(l)
	case (c == '-' || c == 'R') && l.kernel && r.noted.faults == 0 && r.Panic == "" && remains.Match(l.text):
		r.noted.add(l.text, notice{fault: true, kernel: true})
	default:
		return false
	}
	return true
}

// foreign takes up a line that the kernel has not printed itself.
func (r *reader) foreign(l line) {
	if l.text[0] != 'u' {
		return
	}
	if k, ok := find(l); ok && k.anyone {
		r.note(l, k)
	}
}

func (r *reader) note(l line, k kind) {
	if k.fault && bytes.Contains(l.text, []byte("INFO: Stall ended")) {
		return
	}
	r.noted.add(l.text, notice{fault: k.fault, kernel: l.kernel})
	if bytes.Contains(l.text, []byte("[#")) || bytes.HasPrefix(l.text, []byte("Oops")) {
		r.oops(l)
	}
}

// banner takes up a kernel's first line. What stands before the very first is not the
// kernel's, but for lines with its time stamp, which are of an earlier boot.
func (r *reader) banner(l line, before int64) {
	if r.Banners > 0 {
		r.again, r.until = 1, before // or somebody has shown /proc/version
		return
	}
	r.Banners, r.stamps = 1, l.kernel
	earlier := r.Kernel
	if l.kernel && !l.odd {
		earlier--
	}
	if earlier == 0 && r.Inits > 0 { // a kernel without time stamps, and a program that shows /proc/version
		return
	}
	r.noted.uncertain()
	if r.Panic != "" && !r.sure && len(r.after) == 0 {
		r.Panic = ""
	}
	r.Again = r.Again || earlier > 0 && l.us >= 0 && l.us < before
	if r.Again || r.Panic != "" {
		r.closed = true
		return
	}
	r.reports = newReports()
}

// next takes up a line after a banner that was not the first. Where the clock has gone back
// the kernel has begun again.
func (r *reader) next(l line) {
	switch r.again++; {
	case l.us >= 0 && r.until >= 0 && l.us < r.until:
		r.restart()
	case l.us >= 0 || r.again > maxApart:
		r.again = 0
	}
}

// restart notes that the kernel has begun again.
func (r *reader) restart() {
	r.Banners++
	r.again, r.peak = 0, -1
	r.closed = r.closed || r.Panic != ""
}

func (r *reader) panic(l line) {
	if r.Panic != "" {
		return
	}
	r.Panic, r.sure = orElse(show(panicRE.FindSubmatch(l.text)[1]), "its text is cut off"), l.kernel
	r.reports.panicked(l)
}

// lost names a panic by its end. Its beginning never came through, so that its report is
// the last one.
func (r *reader) lost(l line) {
	r.Panic, r.sure = show(panicEnd.FindSubmatch(l.text)[1]), l.kernel
	r.reports.lost(l)
}

func (r *reader) orderly(l line) {
	r.Ended = show(l.text)
	if r.Panic != "" && !r.closed && len(r.after) == 0 {
		r.Panic = "" // it was no panic: user space wrote the line, perhaps to /dev/kmsg
	}
}

// settle returns what was read.
func (r *reader) settle() Log {
	r.Last, r.GaveUp = show(r.last), r.init.cause
	r.Notices, r.Faults = r.noted.texts(), r.noted.faults
	if p := r.reports.of(r.Panic); p != nil {
		r.Trace, r.Oopsed = p.trace, p.oops
		if p.task != "" {
			r.PanicTask = fmt.Sprintf("%s (pid %s)", p.task, p.pid)
		}
	}
	r.Foreign = foreign(r.Log, r.head, r.proof, r.quoted)
	return r.Log
}

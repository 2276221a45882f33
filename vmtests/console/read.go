package console

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Log is the content of a console log. Its texts have no control characters and at most
// maxText bytes.
type Log struct {
	// Bytes is its length, Lines the number of lines with text, and Kernel the number of
	// those that a kernel evidently printed.
	Bytes, Lines, Kernel int
	// Banners and Inits are the numbers of lines of those phases.
	Banners, Inits int
	// Panic is the text of the first panic, after "not syncing: ".
	Panic string
	// PanicTask is the task that panicked, as "comm (pid n)".
	PanicTask string
	// Trace is the functions in the panic's call trace, innermost first, or addresses if the
	// kernel has no CONFIG_KALLSYMS.
	Trace []string
	// Oopsed: the panic was the consequence of an oops in that task.
	Oopsed bool
	// Again: a kernel was running before the first banner, or firmware started after one.
	Again bool
	// Firmware names what printed FirmwareLines of the lines, such as "OpenSBI", if no kernel
	// followed it; otherwise it is "".
	Firmware      string
	FirmwareLines int
	// Notices are oopses, OOM kills, lockups, stalls and warnings: the first of those that
	// differ only in numbers, with a count. Faults is the number of lines that report a
	// fault of the kernel.
	Notices []string
	Faults  int
	// GaveUp is the complaint after which init gave up and stopped, if it did.
	GaveUp string
	// Ended is the line that shows an orderly shutdown by user space, if there was one.
	Ended string
	// Last is the last line with text.
	Last string
	// Foreign says why the file is not a kernel's console log; "" if it is one. If it is
	// set, the other fields mean nothing unless a machine did print the file.
	Foreign string
}

// Bounds on what is kept of a log, since a broken guest may repeat itself endlessly.
const (
	maxNotices = 20
	maxTrace   = 256
	// maxLine is the length at which an endless line is cut.
	maxLine = 64 << 10
	// maxHead is the length of the beginning that identifies a file that is not a log.
	maxHead = 4 << 10
	// maxForeign is how much is read of a file without a line from a kernel.
	maxForeign = 16 << 20
	// maxApart is the most lines between a kernel's banner and its command line, if there
	// are no time stamps to show a restart.
	maxApart = 80
)

var (
	// commandLine matches the line that the kernel prints right after its banner; with
	// "quiet" only the second form.
	commandLine = regexp.MustCompile(`^(?:Command line|Kernel command line): `)
	// orderly matches what kernel/reboot.c prints at a shutdown by user space, and never at
	// a panic.
	orderly = regexp.MustCompile(`^reboot: (?:Restarting system|Power down|Power off not available|System halted)`)
	// panicEnd matches the last line of a panic, whose first line may be lost.
	panicEnd = regexp.MustCompile(`^---\[ end Kernel panic - not syncing: (.*?)(?: \]---)?$`)
	// resets matches what firmware, or the decompressor (arch/x86/boot/compressed/misc.c),
	// prints when the machine has been reset.
	resets = regexp.MustCompile(`^(?:Booting the kernel\.|OpenSBI v\d+\.\d|SeaBIOS \(version |UEFI firmware \(version )`)
	// remains matches the last line of a report of a fault or a panic, whose first line may
	// be lost (oops_exit and panic, kernel/panic.c).
	remains = regexp.MustCompile(`^(?:---\[ end trace |Rebooting in \d+ seconds\.\.$)`)
)

// reader reads a log line by line.
type reader struct {
	Log
	noted  notices
	stamps bool  // the kernel stamps its lines
	peak   int64 // the latest time stamp of this boot
	again  int   // the number of lines since a banner that was not the first; 0 for none
	until  int64 // the latest time stamp before that banner
	last   []byte
	head   []byte
	fenced bool // inside a code block of a Markdown page
	quoted int  // kernel lines that are only quoted
	proof  int  // lines that prove a kernel log
	sure   bool // the kernel certainly printed the panic
	init   userLines
	loader Firmware
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

// ReadFrom reads a console log of any length. It stops early in a file without a line from a
// kernel.
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

// raw reads one line of the console.
func (r *reader) raw(raw []byte) {
	if len(raw) > 2 && raw[0] == '`' && bytes.HasPrefix(raw, []byte("```")) {
		r.fenced = !r.fenced
	}
	split(raw, func(l line) {
		l.odd = l.odd || r.fenced
		l.text = bytes.TrimRight(l.text, " \t")
		if len(l.text) == 0 {
			if l.kernel {
				r.loader.over = true
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

// line reads one line with text.
func (r *reader) line(l line) {
	if !r.loader.over && r.loader.read(l) {
		return
	}
	if r.again > 0 {
		r.next(l)
	}
	if r.Inits > 0 {
		r.init.add(l)
	}
	before := r.peak
	r.peak = max(r.peak, l.us)
	if before > 0 && !l.kernel && strings.IndexByte("BOSU", l.text[0]) >= 0 && resets.Match(l.text) {
		r.Again, r.closed = true, r.closed || r.Panic != ""
	}
	if r.stamps && !l.kernel { // the kernel would have stamped this line
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

// prove counts a line that a kernel printed, unless it is quoted, as in source code. Firmware
// that is named later has not printed it.
func (r *reader) prove(l line) {
	r.loader.over = true
	if !l.odd {
		r.proof++
	}
}

// phase reads a line that shows a phase or the end of the boot, and reports whether it is
// one.
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

// foreign reads a line that the kernel did not print.
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

// banner reads a banner. Lines before the first one did not come from a kernel, unless they
// have a time stamp; then they are of an earlier boot.
func (r *reader) banner(l line, before int64) {
	if r.Banners > 0 {
		r.again, r.until = 1, before // a restart, or a program printed /proc/version
		return
	}
	r.Banners, r.stamps = 1, l.kernel
	earlier := r.Kernel
	if l.kernel && !l.odd {
		earlier--
	}
	if earlier == 0 && r.Inits > 0 { // a kernel without time stamps, and a program that printed /proc/version
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

// next reads a line after a banner that was not the first. The kernel has restarted if its
// clock has gone back.
func (r *reader) next(l line) {
	switch r.again++; {
	case l.us >= 0 && r.until >= 0 && l.us < r.until:
		r.restart()
	case l.us >= 0 || r.again > maxApart:
		r.again = 0
	}
}

// restart records that the kernel has started again.
func (r *reader) restart() {
	r.Banners++
	r.again, r.peak = 0, -1
	r.closed = r.closed || r.Panic != ""
}

func (r *reader) panic(l line) {
	if r.Panic != "" {
		return
	}
	r.Panic, r.sure = cmp.Or(show(panicRE.FindSubmatch(l.text)[1]), "the message is cut off"), l.kernel
	r.reports.panicked(l)
}

// lost reads the last line of a panic whose first line is lost.
func (r *reader) lost(l line) {
	r.Panic, r.sure = show(panicEnd.FindSubmatch(l.text)[1]), l.kernel
	r.reports.lost(l)
}

func (r *reader) orderly(l line) {
	r.Ended = show(l.text)
	if r.Panic != "" && !r.closed && len(r.after) == 0 {
		r.Panic = "" // not a panic: user space printed that line, perhaps to /dev/kmsg
	}
}

// settle completes the Log.
func (r *reader) settle() Log {
	r.Last, r.GaveUp = show(r.last), r.init.cause
	if !r.loader.over {
		r.Firmware, r.FirmwareLines = strings.Join(r.loader.names, ", "), r.loader.lines
	}
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

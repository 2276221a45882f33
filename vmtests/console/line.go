package console

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
)

// maxText is the length in bytes at which a line is cut, as printk cuts its records
// (PRINTKRB_RECORD_MAX, kernel/printk/internal.h).
const maxText = 1024

// line is a message of the kernel, or a line that something else printed.
type line struct {
	text []byte
	// kernel: something before the text, such as a time stamp, proves that the kernel
	// printed it. caller is the task or processor that did (CONFIG_PRINTK_CALLER).
	kernel bool
	caller []byte
	// us is the time stamp in microseconds, or -1.
	us int64
	// odd: the stamp follows text that no logger writes there, as in source code.
	odd bool
}

var (
	// clears matches up to the escape sequence with which firmware clears the screen. The
	// firmware prints no line end before it starts the kernel.
	clears = regexp.MustCompile(`^.*\x1b(?:c|\[2J)`)
	// escapes matches all other escape sequences: strings such as a window title, sequences
	// with parameters, and single letters.
	escapes = regexp.MustCompile(`\x1b(?:[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_a-z])`)
	// journal matches what syslog and journalctl put before the kernel's text in their usual
	// formats; vendor matches what the kernels of some phones put after the time.
	journal = regexp.MustCompile(`^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?|(?:[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*(?: [A-Z]{2,5})?|\d{9,11}\.\d{6})(?: \S+)?(?: kern\.[a-z]+)? kernel: `)
	rfc5424 = regexp.MustCompile(`^\d \S+ \S+ kernel \S+ \S+ (?:-|\[.*?\]) (?:\x{feff})?`)
	host    = regexp.MustCompile(`^[\w.-]+ kernel: `)
	vendor  = regexp.MustCompile(`^ ?(?:-\(\d+\))?\[\d+: *[^\]:]{1,20}(?:: *\d+)?\]`)
	// dated matches the time stamps of dmesg -H, -d, -T and --time-format=iso; kmsg matches
	// the prefix of a record of /dev/kmsg, and of netconsole, which may put the release first.
	dated = regexp.MustCompile(`^(?:\[ +\+\d+\.\d{6}\]|\[[A-Z][a-z]{2} ?\d{1,2} \d\d:\d\d\]|\[ *\d+\.\d{6} < *\d+\.\d{6}>\]|\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\]|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{6}[+-]\d\d:\d\d) `)
	// clock matches what a logger of the serial line puts before each line.
	clock = regexp.MustCompile(`^\[?(?:(?:\d{4}-\d\d-\d\d[T ]|[A-Z][a-z]{2} [ \d]\d ))?\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]? +`)
	// named matches the name of a speaker in a chat, or an HTML tag.
	named = regexp.MustCompile(`<[@+/]?[A-Za-z][^<>]*>$`)
	kmsg  = regexp.MustCompile(`^(?:\d+\.\d+[\w.+-]*,)?\d{1,3},\d+,\d+,[-c+](?:,[^;]*)?;`)
)

// split splits a console line at carriage returns and at time stamps, because the kernel
// also starts a message in the middle of an unfinished line.
func split(raw []byte, each func(line)) {
	for len(raw) > 0 {
		part := raw
		if i := bytes.IndexByte(raw, '\r'); i >= 0 {
			part, raw = raw[:i], raw[i+1:]
		} else {
			raw = nil
		}
		if bytes.IndexByte(part, '\x1b') >= 0 {
			part = escapes.ReplaceAll(clears.ReplaceAll(part, nil), nil)
		}
		part = bytes.TrimLeft(part, "\x00")
		if len(part) > 0 {
			messages(part, each)
		}
	}
}

// messages finds the kernel's messages in a line without control sequences.
func messages(b []byte, each func(line)) {
	l, begin := stampIn(b)
	if begin < 0 {
		l := unstamped(b)
		l.inner()
		each(l)
		return
	}
	l.odd = begin > 0 && !(b[0] == '<' && level(b) == begin) && !loggers(b[:begin])
	for {
		next, begin := stampIn(l.text)
		if begin < 0 {
			break
		}
		rest := next
		if begin > 0 {
			l.text = l.text[:begin]
			each(l)
		}
		rest.odd = l.odd
		l = rest
	}
	if i := bytes.IndexByte(l.text, ' '); i > 0 && bytes.HasPrefix(l.text[i:], []byte(" kernel: ")) { // journalctl -o short-monotonic
		l.text = l.text[len(host.Find(l.text)):]
	}
	l.inner()
	each(l)
}

// inner finds a message with a log level in the middle of a line, where kernels before 3.5
// may start it, and drops what comes before.
func (l *line) inner() {
	for at := 0; ; at++ {
		i := bytes.IndexByte(l.text[at:], '<')
		if i < 0 {
			return
		}
		if at += i; len(l.text) <= at+3 {
			return
		}
		b := l.text[at:]
		if b[1] < '0' || b[1] > '7' || b[2] != '>' {
			continue
		}
		for _, begin := range [][]byte{[]byte("Kernel panic"), []byte("BUG: "), []byte(`Unable to handle`), []byte("Oops: ")} {
			if bytes.HasPrefix(b[3:], begin) {
				l.text = b[3:]
				return
			}
		}
	}
}

// loggers reports whether a logger may have written this text before a time stamp: a date,
// a name or a log level.
func loggers(before []byte) bool {
	trimmed := strings.TrimSpace(string(before))
	switch trimmed {
	case "*", "/*", "//", "#", "--", ";":
		return false
	}
	if strings.ContainsAny(trimmed, "\"'`\\{}") || strings.HasPrefix(trimmed, ">") {
		return false
	}
	return !strings.HasSuffix(trimmed, ">") || !named.MatchString(trimmed)
}

// unstamped reads a line without a time stamp. Another mark may still prove that the kernel
// printed it.
func unstamped(b []byte) line {
	n := mark(b)
	if n == 0 && (hasDate(b) || hasTime(b)) {
		if c := len(clock.Find(b)); c > 0 && c < len(b) {
			b = b[c:]
			n = mark(b)
		}
	}
	return line{text: b[n:], kernel: n > 0, us: -1}
}

// mark returns the length of a prefix, other than printk's time stamp, that proves that the
// kernel printed the line; 0 if there is none.
func mark(b []byte) int {
	switch c := b[0]; {
	case c == '<':
		n := level(b)
		if n > 0 && len(b) > n+2 && b[n+1] == ' ' {
			n += len(rfc5424.Find(b[n:min(len(b), maxText)]))
		}
		return n
	case c == '[':
		if i := bytes.IndexByte(b[:min(len(b), 64)], ']'); i < 12 || i+1 >= len(b) || b[i+1] != ' ' {
			return 0
		}
		return len(dated.Find(b))
	case hasDate(b):
		return max(len(dated.Find(b)), len(journal.Find(b)))
	case c >= '0' && c <= '9':
		b = b[:min(len(b), maxText)]
		return max(len(kmsg.Find(b)), len(journal.Find(b)))
	case c >= 'A' && c <= 'Z' && bytes.Contains(b[:min(len(b), maxText)], []byte(" kernel: ")):
		return len(journal.Find(b))
	}
	return 0
}

// hasDate reports whether a line seems to begin with a date such as 2026-01-02.
func hasDate(b []byte) bool {
	return len(b) > 20 && (b[4] == '-' && b[7] == '-' || b[5] == '-' && b[8] == '-')
}

// hasTime reports whether a line seems to begin with a time such as 12:34:56, or with a
// month and a day before it.
func hasTime(b []byte) bool {
	if len(b) > 20 && b[3] == ' ' && b[6] == ' ' {
		b = b[7:]
	}
	return len(b) > 12 && (b[2] == ':' && b[5] == ':' || b[3] == ':' && b[6] == ':')
}

// level returns the length of a log level such as <5>, or 0.
func level(b []byte) int {
	i := 1
	for i < len(b) && i < 4 && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == 1 || i >= len(b) || b[i] != '>' {
		return 0
	}
	return i + 1
}

// stampIn finds the first message with printk's time stamp or caller, and the position of
// that prefix; -1 if there is none.
func stampIn(b []byte) (line, int) {
	for at := 0; ; at++ {
		i := bytes.IndexByte(b[at:], '[')
		if i < 0 {
			return line{}, -1
		}
		at += i
		if l, ok := stampAt(b[at:]); ok {
			return l, at
		}
	}
}

// stampAt reads a time stamp, a caller, or both.
func stampAt(b []byte) (line, bool) {
	l := line{kernel: true, us: -1}
	us, n := seconds(b)
	if n > 0 {
		l.us = us
		b = b[n:]
		if len(b) > 1 && (b[0] == '[' || b[0] == '-' || b[0] == ' ' && b[1] == '[') {
			b = b[len(vendor.Find(b)):]
		}
	}
	if n > 0 && len(b) > 1 && b[0] == ' ' && b[1] == '[' { // as dmesg prints it
		if caller, m := callerAt(b[1:]); m > 0 {
			l.caller, b = caller, b[1+m:]
		}
	} else if caller, m := callerAt(b); m > 0 {
		l.caller, b = caller, b[m:]
	} else if n == 0 {
		return l, false
	}
	if len(b) == 0 {
		return l, true
	}
	if b[0] != ' ' {
		return l, false
	}
	l.text = b[1:]
	return l, true
}

// seconds reads "[    1.234567]" and returns the time in microseconds and the length, or 0.
func seconds(b []byte) (us int64, n int) {
	i := 1
	for i < len(b) && b[i] == ' ' {
		i++
	}
	begin := i
	for ; i < len(b) && i < begin+12 && b[i] >= '0' && b[i] <= '9'; i++ {
		us = us*10 + int64(b[i]-'0')
	}
	if i == begin || i+7 >= len(b) || b[i] != '.' || b[i+7] != ']' {
		return 0, 0
	}
	for _, c := range b[i+1 : i+7] {
		if c < '0' || c > '9' {
			return 0, 0
		}
		us = us*10 + int64(c-'0')
	}
	return us, i + 8
}

// callerAt reads "[    T1]" or "[   C0]" and returns the caller and the length, or 0.
func callerAt(b []byte) (caller []byte, n int) {
	if len(b) < 4 || b[0] != '[' {
		return nil, 0
	}
	i := 1
	for i < len(b) && b[i] == ' ' {
		i++
	}
	begin := i
	if i >= len(b) || b[i] != 'T' && b[i] != 'C' {
		return nil, 0
	}
	for i++; i < len(b) && i < begin+12 && b[i] >= '0' && b[i] <= '9'; i++ {
	}
	if i == begin+1 || i >= len(b) || b[i] != ']' {
		return nil, 0
	}
	return b[begin:i], i + 1
}

// show returns the text of a line, bounded and printable.
func show(b []byte) string {
	return strings.TrimRight(plain(string(b[:min(len(b), maxText)])), " ")
}

// plain returns text, bounded and printable.
func plain(s string) string { return strings.Map(printable, s[:min(len(s), maxText)]) }

// printable replaces unprintable characters, and bytes that are not UTF-8, with U+FFFD. The
// log file keeps every byte.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsPrint(r):
		return r
	}
	return unicode.ReplacementChar
}

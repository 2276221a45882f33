package console

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
)

// maxText is the length in bytes beyond which a line is cut: printk keeps no more of
// one (PRINTKRB_RECORD_MAX, kernel/printk/internal.h).
const maxText = 1024

var (
	// stamp is what printk puts before a line: the time, the caller, or both.
	stamp = regexp.MustCompile(`(?:\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])?|\[ *[TC]\d+\]) `)
	// clears are the escape sequences with which a firmware clears the screen. It ends
	// no line before it starts the kernel.
	clears = regexp.MustCompile(`^.*\x1b(?:c|\[2J)`)
	// escapes are all other escape sequences: strings such as a window's title, those
	// with parameters, those of one letter.
	escapes = regexp.MustCompile(`\x1b(?:[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_a-z])`)
)

// clean strips from one console line what is not its text: the carriage return, escape
// sequences, the kernel's time stamp. It also tells whether there was a time stamp.
// What stands before it is a line of user space's that had no end when the kernel
// began its own. What is left can be shown: it has bounds and no control characters.
func clean(line []byte) (text string, stamped bool) {
	line = bytes.TrimRight(line, "\r\n")
	if i := bytes.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	if bytes.IndexByte(line, '\x1b') >= 0 {
		line = escapes.ReplaceAll(clears.ReplaceAll(line, nil), nil)
	}
	if at := stamp.FindIndex(line); at != nil {
		line, stamped = line[at[1]:], true
	}
	return strings.TrimRight(plain(string(line)), " "), stamped
}

// plain makes text bounded and printable.
func plain(s string) string { return strings.Map(printable, s[:min(len(s), maxText)]) }

// printable puts U+FFFD for what is no printable character, and so for what is no
// UTF-8. The log itself keeps every byte.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsPrint(r):
		return r
	}
	return unicode.ReplacementChar
}

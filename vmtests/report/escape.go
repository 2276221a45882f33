package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is how many characters of a guest's text are shown where there is room for a
// sentence.
const maxText = 300

// Escape makes text from a guest safe to show on a terminal. It replaces everything that is
// not a plain printable character with an escape in Go's notation: control characters,
// invisible and bidirectional ones, combining marks (which pile up) and invalid UTF-8. Text of
// more than limit characters is cut, and ends with a note that says so.
func Escape(s string, limit int) string {
	var b strings.Builder
	n := 0
	for i, w := 0, 0; i < len(s); i += w {
		var r rune
		r, w = utf8.DecodeRuneInString(s[i:])
		if n == limit {
			fmt.Fprintf(&b, "... (%d more bytes)", len(s)-i)
			break
		}
		n++
		switch {
		case r == utf8.RuneError && w == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r) && !unicode.Is(unicode.M, r):
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// name escapes what is normally a word: a probe, an errno, a profile.
func name(s string) string { return Escape(s, 48) }

// text escapes what is normally a sentence or a line.
func text(s string) string { return Escape(s, maxText) }

package console

import (
	"bytes"
	"fmt"
	"slices"
)

// notice is a line that was noted, and how often one like it came.
type notice struct {
	text, key string
	count     int
	// fault: the kernel reports a fault of its own; kernel: the line is the kernel's
	// beyond doubt.
	fault, kernel bool
}

// notices are the lines noted, of each kind the first.
type notices struct {
	list   []notice
	more   int // lines for which there was no room
	faults int // lines that are of faults
	key    []byte
}

// add takes up a line. Lines that differ in numbers alone are of one kind. Where there is
// no room left, a fault of the kernel's takes the place of something less.
func (n *notices) add(text []byte, l notice) {
	if l.fault {
		n.faults++
	}
	text = text[:min(len(text), maxText)]
	n.key = numberless(n.key[:0], text)
	if i := slices.IndexFunc(n.list, func(o notice) bool { return o.key == string(n.key) }); i >= 0 {
		n.list[i].count++
		return
	}
	if len(n.list) == maxNotices-1 {
		n.more++
		i := slices.IndexFunc(n.list, func(o notice) bool { return !o.fault })
		if !l.fault || i < 0 {
			return
		}
		n.list = slices.Delete(n.list, i, i+1)
	}
	l.text, l.key, l.count = show(text), string(n.key), 1
	n.list = append(n.list, l)
}

// uncertain drops what may have been said by somebody else than a kernel.
func (n *notices) uncertain() {
	n.list = slices.DeleteFunc(n.list, func(l notice) bool {
		if l.fault && !l.kernel {
			n.faults -= l.count
		}
		return !l.kernel
	})
}

// texts are the lines as they are shown.
func (n *notices) texts() []string {
	var texts []string
	for _, l := range n.list {
		if l.count > 1 {
			l.text = fmt.Sprintf("%s (%d times)", l.text, l.count)
		}
		texts = append(texts, l.text)
	}
	if n.more > 0 {
		texts = append(texts, fmt.Sprintf("%d more lines of other kinds", n.more))
	}
	return texts
}

// numberless appends text to b with a mark for each number, in whatever base.
func numberless(b, text []byte) []byte {
	for len(text) > 0 {
		n := 0
		for n < len(text) && word(text[n]) {
			n++
		}
		if n == 0 {
			b, text = append(b, text[0]), text[1:]
			continue
		}
		if hex := bytes.TrimPrefix(text[:n], []byte("0x")); len(hex) > 0 && (len(hex) < n || len(hex) >= 8) && isHex(hex) {
			b = append(b, '#')
		} else {
			b = digitless(b, text[:n])
		}
		text = text[n:]
	}
	return b
}

// digitless appends a word to b with a mark for each run of digits.
func digitless(b, word []byte) []byte {
	for i, c := range word {
		switch digit := c >= '0' && c <= '9'; {
		case !digit:
			b = append(b, c)
		case i == 0 || word[i-1] < '0' || word[i-1] > '9':
			b = append(b, '#')
		}
	}
	return b
}

func word(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func isHex(b []byte) bool {
	return len(bytes.TrimLeft(b, "0123456789abcdef")) == 0
}

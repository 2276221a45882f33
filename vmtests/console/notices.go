package console

import (
	"bytes"
	"fmt"
	"slices"
)

// notice is a notable line and the number of lines like it.
type notice struct {
	text, key string
	count     int
	// fault: it reports a fault of the kernel; kernel: the kernel certainly printed it.
	fault, kernel bool
}

// notices are the notable lines, the first of each kind.
type notices struct {
	list   []notice
	more   int // lines that did not fit
	faults int // lines that report faults
	key    []byte
}

// add adds a line. Lines that differ only in numbers are of the same kind. If the list is
// full, a fault replaces a notice that is not a fault.
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

// uncertain drops the lines that a program may have printed.
func (n *notices) uncertain() {
	n.list = slices.DeleteFunc(n.list, func(l notice) bool {
		if l.fault && !l.kernel {
			n.faults -= l.count
		}
		return !l.kernel
	})
}

// texts returns the lines as they are shown.
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

// numberless appends text to b with each number, in any base, replaced by #.
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

// digitless appends a word to b with each run of digits replaced by #.
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

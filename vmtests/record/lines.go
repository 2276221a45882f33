package record

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lines reads lines of bounded length. bufio.Scanner stops for good at the first line that
// is too long, which would lose the records after it.
type lines struct {
	r     *bufio.Reader
	limit int

	text   []byte // the line without its newline; valid until the next call
	over   bool   // it was longer than limit, and text is empty
	number int    // counted from 1
	start  int64  // where it begins, in bytes
	end    int64  // where the next line begins
	err    error  // what stopped the reading, if not the end of the file
}

func newLines(r io.Reader, limit int) *lines {
	return &lines{r: bufio.NewReaderSize(r, 64<<10), limit: limit}
}

// next reads the next line, and reports whether there was one.
func (l *lines) next() bool {
	l.text, l.over = l.text[:0], false
	l.number++
	l.start = l.end
	for got := false; ; got = true {
		part, err := l.r.ReadSlice('\n')
		l.end += int64(len(part))
		l.add(part)
		switch {
		case err == nil:
			return true
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return got || len(part) > 0
		default:
			l.err = err
			return false
		}
	}
}

func (l *lines) add(part []byte) {
	part = bytes.TrimSuffix(part, []byte("\n"))
	if l.over || len(l.text)+len(part) > l.limit {
		l.text, l.over = l.text[:0], true
		return
	}
	l.text = append(l.text, part...)
}

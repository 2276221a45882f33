//go:build linux

package trace

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Telling returns the most telling line of a program's output: the last line that names an
// errno, otherwise the last that looks like an error, otherwise the last.
func Telling(text string) string {
	trouble := regexp.MustCompile(`(?i)\b(error|fail|fatal|cannot|can't|could not|unable|denied|refused|unsupported|emerg|crit|abort)`)
	best, level := "", -1
	for raw := range strings.Lines(text) {
		line := strings.TrimSpace(raw)
		l := 0
		switch {
		case line == "":
			continue
		case namesErrno(line):
			l = 2
		case trouble.MatchString(line):
			l = 1
		}
		if l >= level {
			best, level = line, l
		}
	}
	const most = 500
	if len(best) > most {
		return best[:most] + "..."
	}
	return best
}

// namesErrno reports whether a line names any of the 133 errnos.
func namesErrno(line string) bool {
	for e := syscall.Errno(1); e <= unix.EHWPOISON; e++ {
		if Names(line, e) {
			return true
		}
	}
	return false
}

// TailBytes is how many bytes of a process's output are kept, at least.
const TailBytes = 64 << 10

// Tail keeps the end of what is written to it. Its zero value is empty.
type Tail struct {
	mu   sync.Mutex
	kept []byte
}

// Write keeps b, and drops the oldest bytes if there are too many.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - TailBytes; over > TailBytes {
		t.kept = bytes.Clone(t.kept[over:])
	}
	return len(b), nil
}

// String returns what was kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}

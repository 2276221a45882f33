// Package progress tells a person what a long run is doing. It runs on the host.
//
// On a terminal the present state stands on one line that is written over; into a
// pipe or a CI log goes a plain line now and then, so that nothing slower than a
// few seconds is ever silent and no log is flooded.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// quiet is how often a changing state is printed where it cannot be written over.
const quiet = 10 * time.Second

// Printer prints progress. The zero value and nil print nothing.
type Printer struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	width    int
	shown    bool      // a state stands on the terminal's line
	last     time.Time // when a state was last printed
}

// New returns a Printer on w, which is written over only when it is a terminal.
func New(w io.Writer) *Printer {
	p := &Printer{w: w, last: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
			p.terminal, p.width = true, width
		}
	}
	return p
}

// State shows what is going on just now. It is cheap to call often.
func (p *Printer) State(format string, args ...any) {
	if p == nil || p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := quiet
	if p.terminal {
		wait = 100 * time.Millisecond
	}
	if time.Since(p.last) < wait {
		return
	}
	p.last = time.Now()
	line := fmt.Sprintf(format, args...)
	if !p.terminal {
		fmt.Fprintln(p.w, line)
		return
	}
	if r := []rune(line); len(r) >= p.width {
		line = string(r[:p.width-1])
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	p.shown = true
}

// Line prints a line that stays.
func (p *Printer) Line(format string, args ...any) {
	if p == nil || p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.w, format+"\n", args...)
	p.last = time.Now()
}

// Clear takes the present state off the terminal, before something else prints.
func (p *Printer) Clear() {
	if p == nil || p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *Printer) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// Package progress shows what a long run is doing. It runs on the host.
//
// On a terminal the current state is one line that is overwritten. A pipe or a CI log gets
// a plain line from time to time, so that it is neither silent nor flooded.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// quiet is the interval between states where they cannot be overwritten.
const quiet = 10 * time.Second

// Printer prints progress. The zero value and nil print nothing.
type Printer struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	width    int
	shown    bool      // the terminal shows a state
	last     time.Time // when a state was last printed
}

// New returns a Printer on w.
func New(w io.Writer) *Printer {
	p := &Printer{w: w, last: time.Now()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
			p.terminal, p.width = true, width
		}
	}
	return p
}

// State shows what is going on now. It is cheap to call often.
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

// Line prints a permanent line.
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

// Clear removes the state from the terminal, before something else is printed.
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

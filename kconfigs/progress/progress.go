// Package progress shows what a long run is doing. It runs on the host.
//
// On a terminal the current state is a few lines that are overwritten: one for each task, such as a
// kernel, and one for anything else. A pipe or a CI log gets a plain line from time to time, so that
// it is neither silent nor flooded.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// quiet is the interval between states where they cannot be overwritten, brief the shortest between
// two on a terminal.
const quiet, brief = 10 * time.Second, 100 * time.Millisecond

// narrow is the number of columns below which a terminal is treated as a pipe.
const narrow = 10

// Printer prints progress. The zero value and nil print nothing.
type Printer struct {
	mu      sync.Mutex
	w       io.Writer
	size    func() (width, height int) // of the terminal; nil if w is none
	rows    int                        // how many lines the terminal shows that will be overwritten
	status  string                     // the state that belongs to no task
	tasks   []*Task
	ticking bool
	last    time.Time // when a state was last printed
}

// New returns a Printer on w.
func New(w io.Writer) *Printer {
	p := &Printer{w: w, last: time.Now()}
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return p
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width >= narrow {
		// The size is asked for each time, as the user may change it.
		p.size = func() (width, height int) {
			width, height, _ = term.GetSize(int(f.Fd()))
			return width, height
		}
	}
	return p
}

// State shows what is going on now, apart from the tasks. It is cheap to call often.
func (p *Printer) State(format string, args ...any) {
	if p == nil || p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size == nil {
		p.plain(format, args...)
		return
	}
	p.status = fmt.Sprintf(format, args...)
	p.draw(false)
}

// plain prints a state as a line, if the last one is long ago.
func (p *Printer) plain(format string, args ...any) {
	if time.Since(p.last) >= quiet {
		p.last = time.Now()
		fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// Line prints a permanent line, above the tasks.
func (p *Printer) Line(format string, args ...any) {
	if p == nil || p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = ""
	text := p.over() + fmt.Sprintf(format, args...) + "\n"
	p.rows = 0
	if len(p.tasks) > 0 && p.size != nil {
		text += p.block()
	}
	_, _ = io.WriteString(p.w, text) // if nobody reads it, the run goes on
	p.last = time.Now()
}

// Clear removes the state and the tasks from the terminal, before something else is printed.
func (p *Printer) Clear() {
	if p == nil || p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.WriteString(p.w, p.over())
	p.status, p.tasks, p.rows = "", nil, 0
}

// draw overwrites what the terminal shows. Unless it is now, it may be too soon.
func (p *Printer) draw(now bool) {
	if !now && time.Since(p.last) < brief {
		return
	}
	p.last = time.Now()
	text := p.over()
	_, _ = io.WriteString(p.w, text+p.block())
}

// over returns what removes the block from the terminal. It never moves to a line above the block,
// even if the terminal has become narrower and shows it on more lines.
func (p *Printer) over() string {
	switch p.rows {
	case 0:
		return ""
	case 1:
		return "\r\x1b[J"
	}
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", p.rows-1)
}

// block returns the lines to show, each shorter than the terminal is wide and all of them lower than
// it is high: then none of them scrolls or wraps.
func (p *Printer) block() string {
	width, height := p.size()
	lines := p.lines()
	if room := max(height-1, 1); height > 0 && len(lines) > room {
		more := len(lines) - room + 1
		lines = append(lines[:room-1:room-1], fmt.Sprintf("and %d more", more))
	}
	for i, line := range lines {
		lines[i] = clip(line, width-1)
	}
	p.rows = len(lines)
	return strings.Join(lines, "\n")
}

// lines returns the lines of the tasks, those that wait last, and the state.
func (p *Printer) lines() (lines []string) {
	var waiting []string
	for _, t := range p.tasks {
		if t.text == nil {
			waiting = append(waiting, t.title+": waiting")
		} else {
			lines = append(lines, t.title+": "+t.text())
		}
	}
	if p.status != "" {
		lines = append(lines, p.status)
	}
	return append(lines, waiting...)
}

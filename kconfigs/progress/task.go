package progress

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Task is a part of the work that has a line of its own on a terminal, such as a kernel. Its methods
// may be called from any goroutine. Nil prints nothing.
type Task struct {
	p     *Printer
	title string
	text  func() string // nil while the task waits
	ended bool
}

// Task adds a task, which waits until it has a state.
func (p *Printer) Task(title string) *Task {
	if p == nil || p.w == nil {
		return nil
	}
	t := &Task{p: p, title: title}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size != nil {
		p.tasks = append(p.tasks, t)
		p.tick()
		p.draw(false)
	}
	return t
}

// State shows what the task is doing. It is cheap to call often.
func (t *Task) State(format string, args ...any) {
	if t != nil {
		text := fmt.Sprintf(format, args...)
		t.Tell(func() string { return text })
	}
}

// Tell is State with a text that changes with time. It calls text from any goroutine, at least once a
// second.
func (t *Task) Tell(text func() string) {
	if t == nil {
		return
	}
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	switch t.text = text; {
	case t.ended:
	case p.size == nil:
		p.plain("%s: %s", t.title, text())
	default:
		if !slices.Contains(p.tasks, t) { // removed by Clear
			p.tasks = append(p.tasks, t)
			p.tick()
		}
		p.draw(false)
	}
}

// End removes the task.
func (t *Task) End() {
	if t == nil {
		return
	}
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	t.ended = true
	if i := slices.Index(p.tasks, t); i >= 0 {
		p.tasks = slices.Delete(p.tasks, i, i+1)
		p.draw(true)
	}
}

// tick draws the tasks once a second as long as there are any.
func (p *Printer) tick() {
	if p.ticking {
		return
	}
	p.ticking = true
	time.AfterFunc(time.Second, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ticking = false
		if len(p.tasks) > 0 {
			p.draw(true)
			p.tick()
		}
	})
}

// Left says how much time is left, or "" for none.
func Left(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < 10*time.Second:
		return "a few seconds left"
	case d < 90*time.Second:
		return fmt.Sprintf("about %.0f s left", d.Round(10*time.Second).Seconds())
	case d < 90*time.Minute:
		return fmt.Sprintf("about %.0f min left", d.Minutes())
	}
	return fmt.Sprintf("about %.0f h left", d.Hours())
}

// clip returns as much of a line as fits into columns, without what could move the cursor: the line
// may quote any program.
func clip(line string, columns int) string {
	var b strings.Builder
	for _, r := range line {
		if !unicode.IsPrint(r) {
			r = ' '
		}
		wide := 1
		if r >= 0x1100 { // some of these take two columns
			wide = 2
		}
		if columns -= wide; columns < 0 {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

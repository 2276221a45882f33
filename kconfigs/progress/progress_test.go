package progress

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// later makes a printer believe that it printed long ago.
func (p *Printer) later() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = p.last.Add(-time.Hour)
}

func TestIntoAPipe(t *testing.T) {
	var out bytes.Buffer
	p := New(&out)
	p.State("state %d", 1)
	assert.Empty(t, out.String(), "a state is not worth a line at once")
	p.later()
	p.State("state %d", 2)
	p.State("state %d", 3)
	p.Line("line")
	p.State("state %d", 4)
	p.Clear()
	assert.Equal(t, "state 2\nline\n", out.String())
}

// terminal returns a printer on a pseudo-terminal of a size, and its screen.
func terminal(t *testing.T, columns, rows int) (*Printer, *screen) {
	t.Helper()
	t.Setenv("TERM", "xterm")
	ours, theirs, err := pty.Open()
	require.NoError(t, err)
	s := &screen{t: t, ours: ours}
	s.resize(columns, rows)
	p := New(theirs)
	t.Cleanup(func() {
		p.Clear() // nothing is drawn any more
		theirs.Close()
		ours.Close()
	})
	return p, s
}

// drawn prints a mark behind what was drawn, and returns the screen as it was before.
func (s *screen) drawn(p *Printer) []string {
	s.t.Helper()
	p.mu.Lock()
	_, err := p.w.Write([]byte{0})
	p.mu.Unlock()
	require.NoError(s.t, err)
	s.read()
	return s.text()
}

func TestOnATerminal(t *testing.T) {
	for _, columns := range []int{narrow, 20, 40, 80} {
		t.Run(strconv.Itoa(columns), func(t *testing.T) {
			p, s := terminal(t, columns, 24)
			cut := func(lines ...string) []string {
				for i, l := range lines {
					lines[i] = strings.TrimRight(string([]rune(l)[:min(len([]rune(l)), columns-1)]), " ")
				}
				return lines
			}
			p.State("too soon")
			assert.Equal(t, []string{}, s.drawn(p))
			p.later()
			p.State("compiling %s", strings.Repeat("é", 40))
			assert.Equal(t, cut("compiling "+strings.Repeat("é", 40)), s.drawn(p))
			p.Line("a line")
			full, inet := p.Task("full"), p.Task("no-inet")
			p.later()
			full.State("%d of about %d objects, about 4 min left", 312, 776)
			assert.Equal(t, append([]string{"a line"}, cut("full: 312 of about 776 objects, about 4 min left", "no-inet: waiting")...), s.drawn(p))
			p.Line("second")
			assert.Equal(t, append([]string{"a line", "second"}, cut("full: 312 of about 776 objects, about 4 min left", "no-inet: waiting")...), s.drawn(p))
			full.End()
			full.State("too late")
			p.later()
			inet.State("a\x1b[2J\t\u202eb")
			p.later()
			p.State("other")
			assert.Equal(t, append([]string{"a line", "second"}, cut("no-inet: a [2J  b", "other")...), s.drawn(p))
			p.Clear()
			p.Clear()
			assert.Equal(t, []string{"a line", "second"}, s.drawn(p))
			inet.End()
			assert.Equal(t, []string{"a line", "second"}, s.drawn(p))
		})
	}
}

// More tasks than lines never scroll, and what was printed before stays.
func TestOnALowTerminal(t *testing.T) {
	p, s := terminal(t, 30, 4)
	p.Line("first")
	var tasks []*Task
	for i := range 5 {
		tasks = append(tasks, p.Task("kernel "+strconv.Itoa(i)))
	}
	p.later()
	tasks[3].State("busy")
	for range 3 {
		p.later()
		p.State("state")
	}
	assert.Equal(t, []string{"first", "kernel 3: busy", "state", "and 4 more"}, s.drawn(p))
	p.Line("second")
	assert.Equal(t, []string{"first", "second", "kernel 3: busy", "kernel 0: waiting", "and 3 more"}, s.drawn(p))

	s.resize(30, 24)
	p.later()
	tasks[0].State("busy too")
	assert.Equal(t, []string{"first", "second", "kernel 0: busy too", "kernel 3: busy",
		"kernel 1: waiting", "kernel 2: waiting", "kernel 4: waiting"}, s.drawn(p))
	p.Clear()
	assert.Equal(t, []string{"first", "second"}, s.drawn(p))
}

// The size is that of the moment. A narrower terminal may show a line of the old block twice, but no
// other line is lost.
func TestOnATerminalThatIsResized(t *testing.T) {
	p, s := terminal(t, 60, 24)
	p.Line("first")
	full, inet := p.Task("full"), p.Task("no-inet")
	p.later()
	full.State("%s", strings.Repeat("x", 50))
	p.later()
	inet.State("%s", strings.Repeat("y", 50))
	assert.Equal(t, []string{"first", "full: " + strings.Repeat("x", 50), "no-inet: " + strings.Repeat("y", 50)}, s.drawn(p))
	s.resize(20, 24)
	p.later()
	p.State("state")
	got := s.drawn(p)
	assert.Equal(t, "first", got[0])
	assert.Equal(t, []string{"full: " + strings.Repeat("x", 13), "no-inet: " + strings.Repeat("y", 10), "state"}, got[len(got)-3:])
}

// A text that depends on the time is drawn although nothing happens.
func TestTick(t *testing.T) {
	p, s := terminal(t, 30, 24)
	n := 0
	drawn := make(chan struct{})
	p.Task("full").Tell(func() string {
		if n++; n == 3 {
			close(drawn)
		}
		return "second " + strconv.Itoa(n)
	})
	<-drawn
	assert.Regexp(t, "^full: second [3-9]$", strings.Join(s.drawn(p), "; "))
}

// A pipe, a terminal that cannot move its cursor and one that is too narrow get plain lines.
func TestWithoutOverwriting(t *testing.T) {
	for name, of := range map[string]func(t *testing.T) (*Printer, func() string){
		"pipe": func(*testing.T) (*Printer, func() string) {
			var out bytes.Buffer
			return New(&out), out.String
		},
		"dumb": func(t *testing.T) (*Printer, func() string) {
			p, s := terminal(t, 80, 24)
			t.Setenv("TERM", "dumb")
			p = New(p.w)
			return p, func() string { return strings.Join(s.drawn(p), "\n") + "\n" }
		},
		"narrow": func(t *testing.T) (*Printer, func() string) {
			p, s := terminal(t, narrow-1, 24)
			return p, func() string { return strings.Join(s.drawn(p), "\n") + "\n" }
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, out := of(t)
			task := p.Task("full")
			task.State("0")
			p.later()
			task.State("1")
			task.State("2")
			p.Line("line")
			p.later()
			p.State("other")
			task.End()
			p.Clear()
			assert.Equal(t, "full: 1\nline\nother\n", out())
		})
	}
}

func TestLeft(t *testing.T) {
	for seconds, want := range map[float64]string{
		-1: "", 0: "", 4: "a few seconds left", 44: "about 40 s left", 89: "about 90 s left", 91: "about 2 min left", 3600: "about 60 min left", 9000: "about 2 h left",
	} {
		assert.Equal(t, want, Left(time.Duration(seconds*float64(time.Second))), seconds)
	}
}

func TestNobodyIsTold(t *testing.T) {
	for _, p := range []*Printer{nil, {}} {
		p.State("x")
		task := p.Task("x")
		task.State("x")
		task.End()
		p.Line("x")
		p.Clear()
	}
}

func TestLinesFromManyAtOnceStayWhole(t *testing.T) {
	var out bytes.Buffer
	p := New(&out)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			p.State("s")
			p.Line("%s", strings.Repeat("x", 100))
		})
	}
	wg.Wait()
	assert.Equal(t, strings.Repeat(strings.Repeat("x", 100)+"\n", 20), out.String())
}

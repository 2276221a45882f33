package progress

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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

// terminal returns both ends of a pseudo-terminal of the given width.
func terminal(t *testing.T, columns uint16) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { ours.Close() })
	fd := int(ours.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	name, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	theirs, err = os.OpenFile("/dev/pts/"+strconv.Itoa(name), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { theirs.Close() })
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	return ours, theirs
}

func TestOnATerminal(t *testing.T) {
	ours, theirs := terminal(t, 30)
	p := New(theirs)
	p.State("too soon")
	p.later()
	p.State("compiling %s", strings.Repeat("é", 40))
	p.Line("a line longer than the terminal is wide")
	p.later()
	p.State("second")
	p.Clear()
	p.Clear()
	const over = "\r\x1b[K"
	want := over + "compiling " + strings.Repeat("é", 19) + // one column less than 30
		over + "a line longer than the terminal is wide\r\n" +
		over + "second" + over
	got := make([]byte, len(want))
	_, err := io.ReadFull(ours, got)
	require.NoError(t, err)
	assert.Equal(t, want, string(got))
}

// A terminal too narrow for a state is treated as a pipe.
func TestOnANarrowTerminal(t *testing.T) {
	ours, theirs := terminal(t, 20)
	p := New(theirs)
	p.later()
	p.State("state")
	p.Clear()
	got := make([]byte, len("state\r\n"))
	_, err := io.ReadFull(ours, got)
	require.NoError(t, err)
	assert.Equal(t, "state\r\n", string(got))
}

func TestNobodyIsTold(t *testing.T) {
	for _, p := range []*Printer{nil, {}} {
		p.State("x")
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

package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/netstrip/netstrip/initramfs/wire/duplex"
)

// terminal is the person's terminal, or a file or pipe with a script. Reading it reads what the
// guest is to receive.
type terminal struct {
	file   *os.File
	is     bool // a terminal
	escape escape
	wake   *os.File // closing it ends a Read
	woken  *os.File
	sizes  chan duplex.Size
	leave  func()

	mu      sync.Mutex
	before  *term.State // to be restored; nil while nothing has been changed
	closed  bool
	signals chan os.Signal
	guard   func()
}

// openTerminal prepares in. leave is called when the person types the escape, or when the terminal
// hangs up. The end of ctx restores the terminal at once.
func openTerminal(ctx context.Context, in *os.File, leave func()) (*terminal, error) {
	t := &terminal{
		file: in, is: term.IsTerminal(int(in.Fd())), escape: escape{start: true}, leave: leave,
		sizes: make(chan duplex.Size, 1), signals: make(chan os.Signal, 4),
	}
	var err error
	if t.woken, t.wake, err = os.Pipe(); err != nil {
		return nil, fmt.Errorf("preparing the terminal: %w", err)
	}
	context.AfterFunc(ctx, func() { t.close() })
	return t, nil
}

// size returns the terminal's size, nil if it is none.
func (t *terminal) size() *duplex.Size {
	if !t.is {
		return nil
	}
	cols, rows, err := term.GetSize(int(t.file.Fd()))
	if err != nil || cols == 0 || rows == 0 {
		cols, rows = 80, 24
	}
	return &duplex.Size{Rows: uint16(rows), Cols: uint16(cols)}
}

// begin makes the terminal pass every key to the guest, until close.
func (t *terminal) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.is || t.closed {
		return
	}
	var err error
	if t.guard, err = guard(t.file); err != nil {
		t.guard = func() {} // only SIGKILL leaves the terminal as it is
	}
	if t.before, err = term.MakeRaw(int(t.file.Fd())); err != nil {
		return // it has hung up, and Read returns an error
	}
	signal.Notify(t.signals, unix.SIGWINCH, unix.SIGCONT, unix.SIGHUP)
	t.sizes <- *t.size() // it may have changed during the boot
	go t.handle(t.signals)
}

// handle passes on new sizes. Whoever stops netstrip and continues it may have changed the terminal.
func (t *terminal) handle(signals <-chan os.Signal) {
	for s := range signals {
		switch s {
		case unix.SIGHUP:
			t.leave()
		case unix.SIGCONT:
			t.again()
		}
		select {
		case <-t.sizes: // an older one, which nobody has taken
		default:
		}
		t.sizes <- *t.size()
	}
}

func (t *terminal) again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		_, _ = term.MakeRaw(int(t.file.Fd()))
	}
}

// close restores the terminal and ends Read. It reports whether the keys went to the guest.
func (t *terminal) close() (raw bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return t.before != nil
	}
	t.closed = true
	t.wake.Close()
	if t.before != nil {
		_ = term.Restore(int(t.file.Fd()), t.before) // fails if it has hung up
		signal.Stop(t.signals)
		close(t.signals)
		t.guard()
	}
	return t.before != nil
}

// Read returns what the guest is to receive. It reads nothing more once the terminal is closed:
// what is typed then is for whatever runs next.
func (t *terminal) Read(p []byte) (int, error) {
	for {
		if err := t.wait(); err != nil {
			return 0, err
		}
		n, err := unix.Read(int(t.file.Fd()), p[:max(1, len(p)/2)])
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN):
			continue
		case err != nil || n == 0:
			if t.is {
				t.leave()
			}
			return 0, io.EOF
		case !t.is:
			return n, nil
		}
		typed, left := t.escape.apply(append([]byte(nil), p[:n]...))
		if left {
			t.leave()
			return 0, io.EOF
		}
		if n = copy(p, typed); n > 0 {
			return n, nil
		}
	}
}

// wait waits for input, and returns io.EOF when the terminal is closed.
func (t *terminal) wait() error {
	for {
		fds := []unix.PollFd{{Fd: int32(t.file.Fd()), Events: unix.POLLIN}, {Fd: int32(t.woken.Fd()), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("waiting for input: %w", err)
		case fds[1].Revents != 0:
			return io.EOF
		default:
			return nil
		}
	}
}

// escape finds the keys Enter ~ . in what is typed. The ~ is held back until the next key.
type escape struct {
	start bool // of a line
	tilde bool // at the start of a line
}

// apply returns what of the keys is for the guest, at most twice as many bytes as the keys, and
// whether the escape was among them. ~~ at the start of a line means ~.
func (e *escape) apply(keys []byte) (typed []byte, left bool) {
	for _, k := range keys {
		switch {
		case e.tilde && k == '.':
			return typed, true
		case e.tilde && k != '~':
			typed = append(typed, '~', k)
		case e.start && !e.tilde && k == '~':
			e.tilde = true
			continue
		default:
			typed = append(typed, k)
		}
		e.start, e.tilde = k == '\r' || k == '\n' || k == 0x03, false
	}
	return typed, false
}

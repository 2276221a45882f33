//go:build linux

package session

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire/duplex"
)

// Attach connects a command that has not been started: to a terminal if the host asked for one,
// else to three pipes. It becomes the leader of a session of its own.
func (s *Session) Attach(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid = true
	if size := s.Request.Terminal; size != nil {
		return s.attachTerminal(cmd, *size)
	}
	stdin, feed, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("opening standard input: %w", err)
	}
	cmd.Stdin = stdin
	s.ours = append(s.ours, stdin)
	go s.feed(feed, nil)
	for _, out := range []struct {
		kind duplex.Kind
		to   *io.Writer
	}{{duplex.Stdout, &cmd.Stdout}, {duplex.Stderr, &cmd.Stderr}} {
		r, w, err := os.Pipe()
		if err != nil {
			return fmt.Errorf("opening the program's output: %w", err)
		}
		*out.to = w
		s.ours = append(s.ours, w)
		s.copy(r, out.kind)
	}
	return nil
}

// endOfFile is what a terminal takes for the end of its input (VEOF in
// include/asm-generic/termios.h:25).
const endOfFile = "\x04"

func (s *Session) attachTerminal(cmd *exec.Cmd, size duplex.Size) error {
	master, slave, err := pty.Open()
	if err != nil {
		return fmt.Errorf("opening a terminal, which needs CONFIG_UNIX98_PTYS: %w; a script on standard input needs none", err)
	}
	s.mu.Lock()
	s.terminal = master
	s.mu.Unlock()
	s.resize(size)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr.Setctty = true
	s.ours = append(s.ours, slave)
	go s.feed(master, []byte(endOfFile))
	s.copy(master, duplex.Stdout)
	return nil
}

func (s *Session) resize(size duplex.Size) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal != nil {
		_ = pty.Setsize(s.terminal, &pty.Winsize{Rows: size.Rows, Cols: size.Cols}) // it may have ended
	}
}

// foreground returns the process group in the foreground of a terminal.
func foreground(terminal *os.File) (group int, err error) {
	conn, err := terminal.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := conn.Control(func(fd uintptr) { group, err = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP) })
	return group, errors.Join(err, cerr)
}

// closeOurs closes the program's ends, so that the ends of the streams are seen.
func (s *Session) closeOurs() {
	for _, f := range s.ours {
		f.Close()
	}
	s.ours = nil
}

// feed writes the host's input to the program and confirms it. After the last it writes last to a
// terminal, or closes a pipe. A program that has closed its input loses the rest.
func (s *Session) feed(to *os.File, last []byte) {
	lost := false
	for {
		part, ok := s.input.take()
		if !ok {
			break
		}
		if !lost {
			_, err := to.Write(part)
			lost = err != nil
		}
		if s.out.Send(duplex.Count(len(part))) != nil {
			lost = true // receive sees the end of the port
		}
	}
	if last == nil {
		to.Close()
	} else if !lost {
		_, _ = to.Write(last)
	}
}

// copied is one output of the program that is on its way to the host.
type copied struct {
	from *os.File
	over chan struct{} // closed at its end

	mu    sync.Mutex
	ended bool // the program
	rest  int  // bytes that may still be sent after that
}

// After the program's end, other processes may hold its output open. What they write is sent
// while it comes without a pause of lingerPause, and up to lingerBytes, which is more than the
// program itself can have left in a pipe (fs/pipe.c: pipe_max_size).
const (
	lingerPause = time.Second / 2
	lingerBytes = 1 << 20
)

// copy sends what the program writes.
func (s *Session) copy(from *os.File, kind duplex.Kind) {
	c := &copied{from: from, over: make(chan struct{}), rest: lingerBytes}
	s.copies = append(s.copies, c)
	go func() {
		defer close(c.over)
		to := s.out.Stream(kind)
		buf := make([]byte, duplex.MaxData)
		for c.wait() {
			n, err := from.Read(buf)
			if n > 0 {
				c.sent(n)
				if s.Tap == nil || s.Tap(buf[:n]) {
					_, werr := to.Write(buf[:n])
					err = cmp.Or(werr, err)
				}
			}
			if err != nil && !(errors.Is(err, os.ErrDeadlineExceeded) && !c.leaving()) {
				return
			}
		}
	}()
}

// wait prepares for the next read, and reports whether there should be one.
func (c *copied) wait() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		_ = c.from.SetReadDeadline(time.Now().Add(lingerPause))
	}
	return c.rest > 0
}

func (c *copied) sent(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		c.rest -= n
	}
}

func (c *copied) leaving() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// drain sends the rest of the output, once the program has ended.
func (s *Session) drain() {
	for _, c := range s.copies {
		c.mu.Lock()
		c.ended = true
		_ = c.from.SetReadDeadline(time.Now().Add(lingerPause))
		c.mu.Unlock()
	}
	for _, c := range s.copies {
		<-c.over
		c.from.Close()
	}
	s.mu.Lock()
	s.copies, s.terminal = nil, nil
	s.mu.Unlock()
}

// input is the standard input that has arrived and is not yet taken.
type input struct {
	mu     sync.Mutex
	more   sync.Cond
	held   []byte
	closed bool
}

func newInput() *input {
	i := &input{}
	i.more.L = &i.mu
	return i
}

// add holds more input. The host sends at most Window bytes at once; a host that does not keep to
// that loses them.
func (i *input) add(p []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.held)+len(p) <= duplex.Window {
		i.held = append(i.held, p...)
		i.more.Signal()
	}
}

func (i *input) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	i.more.Signal()
}

// take waits for input and returns some of it; false at the end.
func (i *input) take() ([]byte, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for len(i.held) == 0 && !i.closed {
		i.more.Wait()
	}
	n := min(len(i.held), duplex.MaxData)
	if n == 0 {
		return nil, false
	}
	part := append([]byte(nil), i.held[:n]...)
	i.held = append(i.held[:0], i.held[n:]...)
	return part, true
}

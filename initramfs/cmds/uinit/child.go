//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// endLimit is how long a killed child may take to end. A child stuck in the kernel is left
// behind for the reboot to end.
const endLimit = 3 * time.Second

// child is a process that runs probes, with all processes that it starts.
type child struct {
	cmd     *exec.Cmd
	lines   chan line
	chatter *chatter
	pipe    *os.File
	stop    chan struct{}
	exited  chan struct{}
	status  error // of cmd.Wait, once exited is closed
	once    sync.Once
}

// line is one line of findings, or the end of them.
type line struct {
	text []byte
	err  error
}

// startChild starts cmd in a process group of its own. It writes its findings to descriptor
// childFD.
func startChild(cmd *exec.Cmd) (*child, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting a child: %w", err)
	}
	c := &child{
		cmd: cmd, pipe: r, lines: make(chan line), chatter: newChatter(),
		stop: make(chan struct{}), exited: make(chan struct{}),
	}
	cmd.Stdout, cmd.Stderr = c.chatter, c.chatter
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A process that the child started may hold its output open after it ended.
	cmd.WaitDelay = time.Second
	err = cmd.Start()
	w.Close()
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("starting a child: %w", err)
	}
	go c.read()
	go func() {
		c.status = cmd.Wait()
		close(c.exited)
	}()
	return c, nil
}

// read passes on the child's lines until they end or nobody wants them any more.
func (c *child) read() {
	r := bufio.NewReaderSize(c.pipe, lineLimit)
	for {
		text, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			err = fmt.Errorf("the probe wrote a line of more than %d bytes", lineLimit)
		case err != nil && len(text) > 0:
			err = nil // the last line is incomplete, which the parser reports
		case err != nil:
			err = io.EOF
		}
		select {
		case c.lines <- line{text: bytes.Clone(text), err: err}:
		case <-c.stop:
			return
		}
		if err != nil {
			return
		}
	}
}

// kill kills the child and all processes that it started.
func (c *child) kill() {
	c.once.Do(func() {
		close(c.stop)
		// An error means that the group has ended.
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		c.end()
		c.pipe.Close()
	})
}

// end waits for the child to end and returns how it did.
func (c *child) end() string {
	timer := time.NewTimer(endLimit)
	defer timer.Stop()
	select {
	case <-c.exited:
	case <-timer.C:
		return "it has closed its findings, but has not exited"
	}
	if c.status == nil {
		return "exit status 0"
	}
	return c.status.Error()
}

// lastWords returns the child's last message, in the form to append to a cause.
func (c *child) lastWords() string {
	if words := lastWords(c.chatter.tail()); words != "" {
		return "; it said: " + words
	}
	return ""
}

// lastWords returns the most useful line: the one in which Go's runtime says what happened, which
// a long trace follows, else the last one.
func lastWords(text string) string {
	last := ""
	for raw := range strings.Lines(text) {
		l := strings.TrimSpace(raw)
		if strings.HasPrefix(l, "panic: ") || strings.HasPrefix(l, "fatal error: ") {
			return l
		}
		if l != "" {
			last = l
		}
	}
	return last
}

// chatter keeps the beginning and the end of what a child prints, and reports when that is too
// much.
type chatter struct {
	over chan struct{} // closed when it is

	mu    sync.Mutex
	kept  []byte
	total int
}

// keep is how many bytes of a child's output are kept, both from its beginning and its end.
const keep = 4 << 10

func newChatter() *chatter { return &chatter{over: make(chan struct{})} }

func (c *chatter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.total
	c.total += len(p)
	c.kept = append(c.kept, p...)
	if excess := len(c.kept) - 2*keep; excess > 0 {
		c.kept = append(c.kept[:keep], c.kept[keep+excess:]...)
	}
	if before <= chatterLimit && c.total > chatterLimit {
		close(c.over)
	}
	return len(p), nil
}

func (c *chatter) tail() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.kept)
}

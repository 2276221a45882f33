package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// channel has an end on the host and one that QEMU, or the shell that becomes it, is given.
type channel struct {
	host  io.ReadCloser
	guest *os.File
}

// channels are those of a boot: console, events and fallback are the guest's, monitor is QEMU's
// own (QMP), output is what it prints, and id is where it writes its process ID.
type channels struct{ console, events, fallback, monitor, output, id channel }

// openChannels opens the channels: a socket for the events, whose port waits while the host is
// slow, and pipes for the serial lines. A serial line does not wait: what cannot be
// written at once the guest takes for sent, after 10 ms, and overwrites. A socket has
// room for some 280 of its single bytes, a pipe for as many as it is made for.
//
// Not even an event waits when the guest reboots: the last that its port has taken are
// gone where the socket is full, 280 of them unless it is made larger.
func openChannels() (*channels, error) {
	c := &channels{}
	open := []func() (io.ReadCloser, *os.File, error){openSerial, openSocket, openSerial, openMonitor, openPipe, openPipe}
	for i, ch := range c.all() {
		var err error
		if ch.host, ch.guest, err = open[i](); err != nil {
			c.close()
			return nil, fmt.Errorf("opening the guest's channels: %w", err)
		}
	}
	return c, nil
}

func (c *channels) all() []*channel {
	return []*channel{&c.console, &c.events, &c.fallback, &c.monitor, &c.output, &c.id}
}

func openSocket() (io.ReadCloser, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	// Twice as large for everybody (net.core.wmem_max), and with privileges much larger.
	_ = unix.SetsockoptInt(fds[1], unix.SOL_SOCKET, unix.SO_SNDBUF, maxConsole)
	_ = unix.SetsockoptInt(fds[1], unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, maxConsole)
	_ = unix.SetNonblock(fds[0], true) // so that Close ends a Read
	return os.NewFile(uintptr(fds[0]), "host end"), os.NewFile(uintptr(fds[1]), "guest end"), nil
}

func openPipe() (io.ReadCloser, *os.File, error) {
	r, w, err := os.Pipe()
	return r, w, err
}

func openSerial() (io.ReadCloser, *os.File, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	// As large as a pipe may be made without privileges; a smaller one does nearly always.
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, maxConsole)
	_ = unix.SetNonblock(fds[0], true)
	return &serialEnd{fd: fds[0]}, os.NewFile(uintptr(fds[1]), "guest end"), nil
}

func (c *channels) close() {
	for _, ch := range c.all() {
		if ch.host != nil {
			ch.host.Close()
		}
	}
	c.closeGuest()
}

func (c *channels) closeGuest() {
	for _, ch := range c.all() {
		if ch.guest != nil {
			ch.guest.Close()
		}
	}
}

// pollEvery is how often a serial line is looked at, and so how late its bytes are seen.
const pollEvery = 4 * time.Millisecond

// serialEnd is the host's end of a serial line, which QEMU writes byte by byte. It is no
// os.File, since that would have this process woken for every one of them (see
// BenchmarkOverhead). Instead it looks, now and then.
type serialEnd struct {
	mu     sync.Mutex // held while fd is used, which another file may have once it is closed
	fd     int
	closed bool
}

// Read waits for the next bytes, or the end of the line.
func (s *serialEnd) Read(p []byte) (int, error) {
	for {
		n, err := s.poll(p)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return n, err
		}
		time.Sleep(pollEvery)
	}
}

func (s *serialEnd) poll(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, os.ErrClosed
	}
	n, err := unix.Read(s.fd, p)
	switch {
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Close ends the line; a Read under way returns os.ErrClosed.
func (s *serialEnd) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	s.closed = true
	return unix.Close(s.fd)
}

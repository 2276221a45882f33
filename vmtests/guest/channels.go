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

// channel has an end on the host and one for QEMU, or the shell that becomes QEMU.
type channel struct {
	host  io.ReadCloser
	guest *os.File
}

// channels are the channels of a boot: console, events, fallback and, if there is one, session are
// the guest's, monitor is QEMU's (QMP), output is what QEMU prints, and id carries its process ID.
type channels struct{ console, events, fallback, monitor, output, id, session channel }

// openChannels opens a socket for the events, since their port waits for a slow host, and pipes
// for the serial lines. A serial line does not wait: the guest overwrites a byte that cannot be
// written for 10 ms. A socket buffers only about 280 single bytes, a pipe as many as its size.
//
// Events do not wait when the guest reboots: if the socket is full, the last ones in the port are
// lost. By default 280 fit, so the socket is made larger.
func openChannels(session bool) (*channels, error) {
	c := &channels{}
	open := []func() (io.ReadCloser, *os.File, error){openSerial, openSocket, openSerial, openMonitor, openPipe, openPipe}
	if session {
		open = append(open, openSocket)
	}
	for i, open := range open {
		var err error
		ch := c.all()[i]
		if ch.host, ch.guest, err = open(); err != nil {
			c.close()
			return nil, fmt.Errorf("opening the guest's channels: %w", err)
		}
	}
	return c, nil
}

func (c *channels) all() []*channel {
	return []*channel{&c.console, &c.events, &c.fallback, &c.monitor, &c.output, &c.id, &c.session}
}

func openSocket() (io.ReadCloser, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	// Any user can double the buffer (net.core.wmem_max); privileges allow much more.
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
	// This is the largest size without privileges; a smaller pipe is nearly always enough.
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

// pollEvery is the time between two reads of a serial line, and so the delay of its bytes.
const pollEvery = 4 * time.Millisecond

// serialEnd is the host's end of a serial line, which QEMU writes byte by byte. As an os.File it
// would wake this process for each of them (see BenchmarkOverhead), so it is polled.
type serialEnd struct {
	mu     sync.Mutex // held while fd is used: once closed, it may be another file's
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

// Close ends the line; a Read in progress returns os.ErrClosed.
func (s *serialEnd) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	s.closed = true
	return unix.Close(s.fd)
}

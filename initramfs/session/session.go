//go:build linux

// Package session runs a program in the guest for a user on the host: on a terminal or with
// pipes, through a virtio-serial port (package duplex). It runs in the guest. The tests of the
// host's end (vmtests/session) run it on the host.
package session

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire/duplex"
)

// Session is the guest's end. After Accept, a program is started with Run, or with Attach and
// whatever starts it; End comes last.
type Session struct {
	// Request is what the host asked for.
	Request duplex.Request
	// Tap, if set, is called with each part of the output. What it returns false for is not sent.
	Tap func(part []byte) bool

	out   *duplex.Writer
	input *input
	done  chan struct{} // closed when the host has confirmed Exit, or is gone
	gone  chan struct{} // closed when the host is gone

	mu       sync.Mutex
	terminal *os.File // the master side; nil without a terminal
	deliver  func(unix.Signal)
	pending  []unix.Signal // that came before there was a process
	copies   []*copied
	ours     []*os.File // the program's ends, which Attach opened
}

// Accept tells the host that the guest is ready, and waits for its request.
func Accept(port io.ReadWriter) (*Session, error) {
	s := &Session{out: duplex.NewWriter(port), input: newInput(), done: make(chan struct{}), gone: make(chan struct{})}
	if err := s.out.Send(duplex.Frame{Kind: duplex.Ready}); err != nil {
		return nil, fmt.Errorf("opening the session: %w", err)
	}
	in := duplex.NewReader(port)
	f, err := in.Next()
	if err == nil && f.Kind != duplex.Start {
		err = fmt.Errorf("%w: kind %d, want a request", duplex.ErrInvalid, f.Kind)
	}
	if err == nil {
		err = f.Decode(&s.Request)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the session's request: %w", err)
	}
	go s.receive(in)
	go s.live()
	return s, nil
}

// receive handles the host's frames until it is gone.
func (s *Session) receive(in *duplex.Reader) {
	defer close(s.gone)
	defer s.input.close()
	for confirmed := false; ; {
		f, err := in.Next()
		if err != nil {
			if !confirmed {
				close(s.done)
			}
			return
		}
		switch f.Kind {
		case duplex.Stdin:
			s.input.add(f.Data)
		case duplex.StdinEnd:
			s.input.close()
		case duplex.Resize:
			var size duplex.Size
			if f.Decode(&size) == nil {
				s.resize(size)
			}
		case duplex.Signal:
			if len(f.Data) == 1 {
				s.signal(unix.Signal(f.Data[0]))
			}
		case duplex.Done:
			if !confirmed {
				confirmed = true
				close(s.done)
			}
		}
	}
}

// live tells the host now and then that the guest still runs programs.
func (s *Session) live() {
	tick := time.NewTicker(duplex.AliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
			_ = s.out.Send(duplex.Frame{Kind: duplex.Alive}) // the next frame fails too
		}
	}
}

// Run runs a command to its end: on a terminal if the host asked for one, with its input and its
// signals. It kills the command when the host is gone.
func (s *Session) Run(cmd *exec.Cmd) duplex.Ending {
	if err := s.Attach(cmd); err != nil {
		return duplex.Ending{Fault: err.Error()}
	}
	err := cmd.Start()
	s.closeOurs()
	if err != nil {
		return duplex.Ending{Fault: err.Error()}
	}
	pid := cmd.Process.Pid
	s.Deliver(func(sig unix.Signal) { _ = unix.Kill(-pid, sig) }) // an error means that it has ended
	ended := make(chan struct{})
	go func() {
		select {
		case <-s.gone:
			_ = unix.Kill(-pid, unix.SIGKILL)
		case <-ended:
		}
	}()
	err = cmd.Wait()
	close(ended)
	_ = unix.Kill(-pid, unix.SIGKILL) // usually nothing of its process group is left
	return s.Ended(err)
}

// Ended returns how a command ended whose Wait returned err. It first sends what is left of the
// output.
func (s *Session) Ended(err error) duplex.Ending {
	s.Deliver(func(unix.Signal) {})
	s.closeOurs()
	s.drain()
	return endingOf(err)
}

func endingOf(err error) duplex.Ending {
	exit := new(exec.ExitError)
	switch {
	case err == nil:
		return duplex.Ending{}
	case !errors.As(err, &exit):
		return duplex.Ending{Fault: err.Error()}
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return duplex.Ending{Signal: int(ws.Signal())}
	}
	return duplex.Ending{Status: exit.ExitCode()}
}

// Deliver sets what the host's signals do, and delivers those that have arrived already. On a
// terminal they go to the foreground process group instead.
func (s *Session) Deliver(signal func(unix.Signal)) {
	s.mu.Lock()
	pending := s.pending
	s.pending, s.deliver = nil, signal
	s.mu.Unlock()
	for _, sig := range pending {
		signal(sig)
	}
}

// maxPending is how many signals wait for a process.
const maxPending = 16

func (s *Session) signal(sig unix.Signal) {
	s.mu.Lock()
	terminal, deliver := s.terminal, s.deliver
	if deliver == nil && len(s.pending) < maxPending {
		s.pending = append(s.pending, sig)
	}
	s.mu.Unlock()
	switch {
	case deliver == nil:
	case terminal != nil:
		if group, err := foreground(terminal); err == nil {
			_ = unix.Kill(-group, sig)
		}
	default:
		deliver(sig)
	}
}

// Files returns a writer for the archive with the files of a Job.
func (s *Session) Files() io.Writer { return s.out.Stream(duplex.Files) }

// End tells the host how the program ended, and waits until the host has received everything, or
// is gone.
func (s *Session) End(e duplex.Ending) error {
	if len(e.Fault) > maxFault {
		e.Fault = e.Fault[:maxFault]
	}
	if err := s.out.Send(duplex.JSON(duplex.Exit, e)); err != nil {
		return fmt.Errorf("ending the session: %w", err)
	}
	<-s.done
	return nil
}

// maxFault bounds a fault, in bytes.
const maxFault = 4 << 10

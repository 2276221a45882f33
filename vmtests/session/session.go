// Package session is the host's end of a session with a program in a guest (package duplex): it
// starts the program, passes input, signals and the size of the terminal on, and writes its output.
// It runs on the host.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire/duplex"
)

// Session describes a session. The zero value has no input and discards the output.
type Session struct {
	// Request is what to run.
	Request duplex.Request
	// Stdin is the program's standard input; nil means that it is empty. A Read in progress when the
	// session ends is left behind.
	Stdin io.Reader
	// Stdout and Stderr receive the program's output; nil discards it.
	Stdout, Stderr io.Writer
	// Files receives the archive with the files of a Job; nil discards it.
	Files io.Writer
	// Sizes are new sizes of the terminal, Signals what to send to the program. Both may be nil.
	Sizes   <-chan duplex.Size
	Signals <-chan os.Signal
	// Begun, if set, is called when the guest is ready, before the program is started.
	Begun func()
}

// ErrEnded is the error of a guest that ended before it reported how the program did. The outcome
// of the boot says why.
var ErrEnded = errors.New("the guest ended before the program did")

// Run runs the session on a guest's port (guest.Guest.Session) until the program has ended. The
// guest is not trusted: what it may not send ends the session with duplex.ErrInvalid.
func (s Session) Run(ctx context.Context, port io.ReadWriter) (duplex.Ending, error) {
	r := running{Session: s, out: duplex.NewWriter(port), window: duplex.Window}
	r.room.L = &r.mu
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, r.stop)()
	in := duplex.NewReader(port)
	f, err := in.Next()
	switch {
	case err != nil:
		return duplex.Ending{}, broken(err)
	case f.Kind != duplex.Ready:
		return duplex.Ending{}, fmt.Errorf("starting the session: %w: kind %d", duplex.ErrInvalid, f.Kind)
	}
	if s.Begun != nil {
		s.Begun()
	}
	if err := r.out.Send(duplex.JSON(duplex.Start, s.Request)); err != nil {
		return duplex.Ending{}, fmt.Errorf("starting the program: %w", err)
	}
	go r.feed()
	go r.control(ctx)
	return r.receive(in)
}

// broken is the error of a port that ended or sent what is no frame.
func broken(err error) error {
	if errors.Is(err, duplex.ErrInvalid) {
		return fmt.Errorf("reading what the guest sends: %w", err)
	}
	return ErrEnded
}

// running is a session in progress.
type running struct {
	Session

	out *duplex.Writer

	mu      sync.Mutex
	room    sync.Cond
	window  int // how many bytes of input the guest still takes
	stopped bool
}

// receive handles the guest's frames up to Exit.
func (r *running) receive(in *duplex.Reader) (e duplex.Ending, err error) {
	for {
		f, err := in.Next()
		if err != nil {
			return e, broken(err)
		}
		switch f.Kind {
		case duplex.Stdout:
			err = write(r.Stdout, f.Data)
		case duplex.Stderr:
			err = write(r.Stderr, f.Data)
		case duplex.Files:
			err = write(r.Files, f.Data)
		case duplex.Taken:
			err = r.taken(f)
		case duplex.Alive:
		case duplex.Exit:
			if err := f.Decode(&e); err != nil {
				return e, broken(err)
			}
			_ = r.out.Send(duplex.Frame{Kind: duplex.Done}) // it may be gone
			return e, nil
		default:
			err = fmt.Errorf("reading what the guest sends: %w: kind %d", duplex.ErrInvalid, f.Kind)
		}
		if err != nil {
			return e, err
		}
	}
}

func write(to io.Writer, data []byte) error {
	if to == nil {
		return nil
	}
	if _, err := to.Write(data); err != nil {
		return fmt.Errorf("writing the program's output: %w", err)
	}
	return nil
}

// taken notes that the program has consumed input.
func (r *running) taken(f duplex.Frame) error {
	n, err := f.Count()
	if err != nil {
		return fmt.Errorf("reading what the guest sends: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.window += n; r.window > duplex.Window {
		return fmt.Errorf("reading what the guest sends: %w: more input taken than was sent", duplex.ErrInvalid)
	}
	r.room.Signal()
	return nil
}

// feed sends the input.
func (r *running) feed() {
	buf := make([]byte, duplex.MaxData)
	for r.Stdin != nil {
		n, err := r.Stdin.Read(buf)
		for sent := 0; sent < n; {
			part := r.reserve(n - sent)
			if part == 0 || r.out.Send(duplex.Frame{Kind: duplex.Stdin, Data: buf[sent : sent+part]}) != nil {
				return
			}
			sent += part
		}
		if err != nil {
			break
		}
	}
	_ = r.out.Send(duplex.Frame{Kind: duplex.StdinEnd}) // receive sees the end of the port
}

// reserve waits until the guest takes input, and returns how many of n bytes to send; 0 once the
// session has ended.
func (r *running) reserve(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.window == 0 && !r.stopped {
		r.room.Wait()
	}
	if r.stopped {
		return 0
	}
	n = min(n, r.window)
	r.window -= n
	return n
}

func (r *running) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.room.Broadcast()
}

// control sends sizes and signals.
func (r *running) control(ctx context.Context) {
	for {
		var f duplex.Frame
		select {
		case size := <-r.Sizes:
			f = duplex.JSON(duplex.Resize, size)
		case sig := <-r.Signals:
			number, ok := sig.(unix.Signal)
			if !ok {
				continue
			}
			f = duplex.Frame{Kind: duplex.Signal, Data: []byte{byte(number)}}
		case <-ctx.Done():
			return
		}
		if r.out.Send(f) != nil {
			return
		}
	}
}

// Package duplex is the protocol between a program in the guest and its user on the host: frames
// that carry input, output, the size of a terminal, signals and the exit status. It runs in both.
//
// The frames go through a virtio-serial port of their own, in both directions. The guest sends
// Ready; the host answers with Start. Then the host sends Stdin, StdinEnd, Size and Signal at any
// time, the guest Stdout, Stderr and Alive. The guest's last frame is Exit, which follows all output;
// the host confirms it with Done. After Done the guest may reboot, which discards what is still
// in the port.
//
// A host that does not read stops the program's output, as a full pipe does. The program's input
// must not stop signals, so the host sends at most Window bytes that the guest has not yet
// confirmed with Taken.
package duplex

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
)

const (
	// Port is the name of the virtio-serial port.
	Port = "netstrip.session"
	// Param is the kernel command-line parameter that makes the guest program run a session.
	// Without it the guest asks the probes.
	Param = "netstrip.session"
	// On is the only value of Param.
	On = "on"
	// MaxData is the greatest length of a frame's data in bytes.
	MaxData = 32 << 10
	// MaxStart is that of Start.
	MaxStart = 1 << 20
	// Window is how many bytes of standard input the guest holds for the program.
	Window = 256 << 10
	// AliveEvery is the time between two Alive frames.
	AliveEvery = 5 * time.Second
)

// Kind is the kind of a Frame.
type Kind byte

// The kinds, with what their data is.
const (
	Start    Kind = iota + 1 // to the guest: a Request as JSON
	Stdin                    // to the guest: bytes of standard input
	StdinEnd                 // to the guest: nothing; standard input has ended
	Resize                   // to the guest: a Size as JSON
	Signal                   // to the guest: a byte, the number of a signal
	Done                     // to the guest: nothing; Exit has arrived
	Ready                    // to the host: nothing; the guest waits for Start
	Stdout                   // to the host: bytes of standard output, or of the terminal
	Stderr                   // to the host: bytes of standard error
	Taken                    // to the host: how many bytes of Stdin were consumed, as 4 bytes, big endian
	Alive                    // to the host: nothing
	Exit                     // to the host: an Ending as JSON
	Files                    // to the host: bytes of a tar archive with the files of a Job
)

// Request is what the host asks the guest to run.
type Request struct {
	wire.Command

	// Terminal is the size of a terminal to run the program on; without it there are pipes.
	Terminal *Size `json:"terminal,omitempty"`
	// App is the ID of a way of using an application (wire.App) that is started first, in whose
	// root the program then runs.
	App string `json:"app,omitempty"`
	// Job, if set, is a user's program, whose end is reported as a finding too.
	Job *Job `json:"job,omitempty"`
}

// Size is the size of a terminal in characters.
type Size struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

// Ending is how a program ended. The zero value is exit status 0.
type Ending struct {
	// Status is the exit status, Signal the number of the signal that ended the program.
	Status int `json:"status"`
	Signal int `json:"signal,omitempty"`
	// Fault says why the program was not started, or what was lost; empty if nothing was.
	Fault string `json:"fault,omitempty"`
}

// Code returns the exit code that a shell reports.
func (e Ending) Code() int {
	switch {
	case e.Signal != 0:
		return 128 + e.Signal&0x7f
	case e.Fault != "" && e.Status == 0:
		return 127
	}
	return e.Status & 0xff
}

// Frame is one message.
type Frame struct {
	Kind Kind
	Data []byte
}

// JSON returns a frame with v as JSON.
func JSON(kind Kind, v any) Frame {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // the types above have no values that cannot be written
	}
	return Frame{Kind: kind, Data: data}
}

// Count returns a Taken frame for n bytes.
func Count(n int) Frame {
	return Frame{Kind: Taken, Data: binary.BigEndian.AppendUint32(nil, uint32(n))}
}

// Count returns the number in a Taken frame, which is at most Window.
func (f Frame) Count() (int, error) {
	if len(f.Data) != 4 {
		return 0, fmt.Errorf("%w: a count of %d bytes", ErrInvalid, len(f.Data))
	}
	n := binary.BigEndian.Uint32(f.Data)
	if n > Window {
		return 0, fmt.Errorf("%w: %d bytes taken of at most %d", ErrInvalid, n, Window)
	}
	return int(n), nil
}

// Decode reads the JSON in a frame.
func (f Frame) Decode(v any) error {
	if err := json.Unmarshal(f.Data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// ErrInvalid is the error of a frame that no side sends. Nothing after it can be read.
var ErrInvalid = errors.New("invalid frame")

// headBytes is the length of a frame's head: the kind, and the length of the data, big endian.
const headBytes = 5

// Reader reads frames from a side that is not trusted.
type Reader struct {
	r    io.Reader
	head [headBytes]byte
	data []byte
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next returns the next frame. Its data are valid until the next call. The error is io.EOF at the
// end, io.ErrUnexpectedEOF within a frame, and ErrInvalid for what is no frame.
func (r *Reader) Next() (Frame, error) {
	if _, err := io.ReadFull(r.r, r.head[:]); err != nil {
		return Frame{}, err
	}
	f := Frame{Kind: Kind(r.head[0])}
	n, longest := binary.BigEndian.Uint32(r.head[1:]), f.Kind.longest()
	if longest < 0 || n > uint32(longest) {
		return Frame{}, fmt.Errorf("%w: kind %d with %d bytes", ErrInvalid, f.Kind, n)
	}
	if int(n) > cap(r.data) {
		r.data = make([]byte, max(int(n), MaxData))
	}
	f.Data = r.data[:n]
	if _, err := io.ReadFull(r.r, f.Data); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return f, nil
}

// longest returns how many bytes of data a frame may have, -1 for an unknown kind.
func (k Kind) longest() int {
	switch k {
	case Start:
		return MaxStart
	case Stdin, Stdout, Stderr, Resize, Exit, Files:
		return MaxData
	case Taken:
		return 4
	case Signal:
		return 1
	case StdinEnd, Done, Ready, Alive:
		return 0
	}
	return -1
}

// Writer writes frames; several goroutines may use it.
type Writer struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Send writes a frame.
func (w *Writer) Send(f Frame) error {
	if longest := f.Kind.longest(); len(f.Data) > longest {
		return fmt.Errorf("%w: kind %d with %d bytes, at most %d", ErrInvalid, f.Kind, len(f.Data), longest)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf[:0], byte(f.Kind))
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(len(f.Data)))
	w.buf = append(w.buf, f.Data...)
	_, err := w.w.Write(w.buf)
	return err
}

// Stream returns a writer whose bytes become frames of one kind.
func (w *Writer) Stream(kind Kind) io.Writer { return stream{w, kind} }

type stream struct {
	w    *Writer
	kind Kind
}

// Write sends p in as many frames as it needs.
func (s stream) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		part := p[sent:min(len(p), sent+MaxData)]
		if err := s.w.Send(Frame{Kind: s.kind, Data: part}); err != nil {
			return sent, err
		}
		sent += len(part)
	}
	return sent, nil
}

package guest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/hugelgupf/vmtest/qemu"
	"github.com/hugelgupf/vmtest/qemu/qevent"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// decoder stands between the guest's event lines and vmtest's event channel. The
// guest is untrusted and vmtest's reader is not made for that: it stops for good at
// a line over 64 KiB or one that is no JSON, after which the guest's writes block
// and the boot looks hung; and an event after "done" makes it send on a closed
// channel, which takes the whole process down. The decoder lets through whole,
// well-formed, bounded lines up to the first "done", counts the rest, and goes on
// reading so that the guest never stalls. After more than a boot may send it lets
// nothing through, "done" least of all: what came is not all.
type decoder struct {
	mu       sync.Mutex
	out      io.Writer
	progress func()

	events, bytes int // let through
	raw           int // bytes in all
	flood, done   bool
	// What was dropped: lines too long, lines that are no event, lines after
	// "done", lines over the number or total that a boot may send.
	long, junk, late, over int
}

// envelope is vmtest's wrapper of an event (its internal/eventchannel).
type envelope struct {
	Action string `json:"hugelgupf_vmtest_guest_action"`
	Actual *wire.Event
}

const (
	actionEvent = "guestevent"
	actionDone  = "done"
)

// read takes lines from r until its end.
func (s *decoder) read(r io.Reader) {
	br := bufio.NewReaderSize(r, wire.MaxLine)
	for {
		line, err := br.ReadSlice('\n')
		s.count(len(line))
		if errors.Is(err, bufio.ErrBufferFull) {
			s.skipLong(br)
			continue
		}
		if err != nil {
			if len(bytes.TrimSpace(line)) > 0 {
				s.drop(&s.junk) // cut in the middle
			}
			return
		}
		s.line(line)
	}
}

func (s *decoder) skipLong(br *bufio.Reader) {
	s.drop(&s.long)
	for {
		part, err := br.ReadSlice('\n')
		s.count(len(part))
		if !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// count counts what came, lines and not.
func (s *decoder) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw += n
	if s.raw > wire.MaxBytes && !s.done {
		s.flood = true
	}
}

// flooded reports whether there was more than a boot may send before "done".
func (s *decoder) flooded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flood
}

func (s *decoder) drop(count *int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*count++
}

func (s *decoder) line(line []byte) {
	var e envelope
	bad := json.Unmarshal(line, &e) != nil || (e.Action != actionEvent && e.Action != actionDone) ||
		(e.Action == actionEvent && e.Actual == nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.done:
		s.late++
	case bad:
		if len(bytes.TrimSpace(line)) > 0 {
			s.junk++
		}
	case s.flood || e.Action == actionEvent && (s.events >= wire.MaxEvents || s.bytes+len(line) > wire.MaxBytes):
		s.flood = true
		s.over++
	default:
		s.progress()
		s.events++
		s.bytes += len(line)
		s.done = e.Action == actionDone
		_, _ = s.out.Write(line) // its reader lives as long as the boot
	}
}

// ended returns the number of events let through and whether the last was "done".
func (s *decoder) ended() (events int, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events, s.done
}

// notices says in words what was dropped.
func (s *decoder) notices() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, d := range []struct {
		n    int
		what string
	}{
		{s.long, fmt.Sprintf("longer than %d bytes", wire.MaxLine)},
		{s.junk, "that are no event"},
		{s.late, `after "done"`},
		{s.over, fmt.Sprintf("over the %d events or %d bytes of a boot", wire.MaxEvents, wire.MaxBytes)},
	} {
		if d.n > 0 {
			out = append(out, fmt.Sprintf("dropped %d event lines %s", d.n, d.what))
		}
	}
	return out
}

// eventTask sets up vmtest's event channel behind the decoder: lines read from the
// sources come out of events, which is closed at "done" or at the guest's end. The
// task returns an error that is qevent.ErrEventChannelMissingDoneEvent when there
// was no "done".
func eventTask(s *decoder, events chan<- wire.Event, sources ...io.ReadCloser) (qemu.Task, error) {
	// qevent makes a pty pair, gives one end to QEMU and reads the other. Here the
	// decoder takes QEMU's place, so the QEMU arguments it asks for go nowhere.
	var scratch qemu.Options
	through := make(chan wire.Event)
	if err := qevent.EventChannel(wire.Port, through)(qemu.NewIDAllocator(), &scratch); err != nil {
		return nil, fmt.Errorf("opening the event channel: %w", err)
	}
	pts := scratch.ExtraFiles[0]
	fd, err := unix.FcntlInt(pts.Fd(), unix.F_DUPFD_CLOEXEC, 0) // the task closes pts itself
	if err != nil {
		pts.Close()
		return nil, fmt.Errorf("opening the event channel: %w", err)
	}
	s.out = os.NewFile(uintptr(fd), pts.Name())
	// Its other end is ours, so the channel need not wait for QEMU. It must not, either:
	// when QEMU does not start, vmtest's task leaves its descriptors open.
	begun := &qemu.Notifications{VMStarted: make(chan struct{})}
	close(begun.VMStarted)
	return func(ctx context.Context, _ *qemu.Notifications) error {
		arrived := make(chan struct{}, wire.MaxEvents)
		go func() {
			defer close(events)
			defer close(arrived)
			for e := range through {
				events <- e
				arrived <- struct{}{}
			}
		}()
		go func() {
			var wg sync.WaitGroup
			for _, r := range sources {
				wg.Go(func() { s.read(r); r.Close() })
			}
			wg.Wait()
			s.hangUp(arrived)
		}()
		return scratch.Tasks[0](context.WithoutCancel(ctx), begun)
	}, nil
}

// hangUp closes the decoder's end of vmtest's pty when all that was let through has
// arrived. Closing it earlier can lose the last line: a reader that looked for data just
// before it was written, and for the hang-up just after, is told of the hang-up
// (n_tty_read, drivers/tty/n_tty.c), and a boot that said "done" counts as one that did
// not.
func (s *decoder) hangUp(arrived <-chan struct{}) {
	for n, _ := s.ended(); n > 0; n-- {
		if _, more := <-arrived; !more {
			break // "done", or vmtest's channel gave up
		}
	}
	s.out.(io.Closer).Close()
}

package guest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// decoder decodes the guest's events: whole, well-formed, bounded lines up to the first "done". It
// counts the rest and reads on, so that the guest never stalls. Once a guest has sent more than a
// boot may, it accepts nothing, not even "done", since events are missing.
type decoder struct {
	// event is called with each event, and end once: at "done", or at the end of all channels.
	// Calls never overlap.
	event func(wire.Event)
	end   func(done bool)

	flood atomic.Bool // more than a boot may send before "done"; read without waiting for a callback

	mu            sync.Mutex
	events, bytes int // accepted, including "done"
	raw           int // all bytes
	done          bool
	// What was dropped: lines too long, lines that are not events, lines after "done", lines over
	// the number or total that a boot may send.
	long, junk, late, over int
}

// envelope is how vmtest's guest package wraps an event (its internal/eventchannel).
type envelope struct {
	Action string `json:"hugelgupf_vmtest_guest_action"`
	Actual *wire.Event
}

const (
	actionEvent = "guestevent"
	actionDone  = "done"
)

// read reads lines from the sources until each has ended.
func (d *decoder) read(sources ...io.Reader) {
	var readers sync.WaitGroup
	for _, r := range sources {
		readers.Go(func() { d.readLines(r) })
	}
	readers.Wait()
	if !d.done {
		d.end(false)
	}
}

func (d *decoder) readLines(r io.Reader) {
	br := bufio.NewReaderSize(r, wire.MaxLine)
	for {
		line, err := br.ReadSlice('\n')
		d.count(len(line))
		if errors.Is(err, bufio.ErrBufferFull) {
			d.skipLong(br)
			continue
		}
		if err != nil {
			if len(bytes.TrimSpace(line)) > 0 {
				d.drop(&d.junk) // cut in the middle
			}
			return
		}
		d.line(line)
	}
}

func (d *decoder) skipLong(br *bufio.Reader) {
	d.drop(&d.long)
	for {
		part, err := br.ReadSlice('\n')
		d.count(len(part))
		if !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// count counts all bytes, of lines or not.
func (d *decoder) count(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.raw += n
	if d.raw > wire.MaxBytes && !d.done {
		d.flood.Store(true)
	}
}

func (d *decoder) drop(count *int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*count++
}

func (d *decoder) line(line []byte) {
	var e envelope
	bad := json.Unmarshal(line, &e) != nil || (e.Action != actionEvent && e.Action != actionDone) ||
		(e.Action == actionEvent && e.Actual == nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.done:
		d.late++
	case bad:
		if len(bytes.TrimSpace(line)) > 0 {
			d.junk++
		}
	case d.flood.Load() || e.Action == actionEvent && (d.events >= wire.MaxEvents || d.bytes+len(line) > wire.MaxBytes):
		d.flood.Store(true)
		d.over++
	default:
		d.events++
		d.bytes += len(line)
		if d.done = e.Action == actionDone; d.done {
			d.end(true)
		} else {
			d.event(*e.Actual)
		}
	}
}

// notices describes what was dropped.
func (d *decoder) notices() []string {
	var out []string
	for _, dropped := range []struct {
		n    int
		what string
	}{
		{d.long, fmt.Sprintf("longer than %d bytes", wire.MaxLine)},
		{d.junk, "that are not events"},
		{d.late, `after "done"`},
		{d.over, fmt.Sprintf("over the %d events or %d bytes of a boot", wire.MaxEvents, wire.MaxBytes)},
	} {
		if dropped.n > 0 {
			out = append(out, fmt.Sprintf("dropped %d event lines %s", dropped.n, dropped.what))
		}
	}
	return out
}

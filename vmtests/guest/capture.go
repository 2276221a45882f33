package guest

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/netstrip/netstrip/vmtests/console"
)

// maxConsole is how many bytes of console output a boot may print; a boot at full verbosity prints
// about 50 KiB. More ends the boot: under TCG the serial line takes seven seconds for this much.
const maxConsole = 1 << 20

// capture keeps a boot's console output and the start of each phase.
type capture struct {
	start time.Time
	// progress is called after each read. spoke: more than firmware has printed.
	progress func(spoke bool)
	reached  func(Milestone)

	mu       sync.Mutex
	log      bytes.Buffer
	partial  int           // where the line still being written starts in log
	began    time.Duration // when its first byte arrived
	firmware console.Firmware
	flood    bool

	firstByte, banner, init time.Duration
}

// read reads the console until its end.
func (c *capture) read(r io.Reader) {
	buf := make([]byte, 16<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			c.progress(c.add(buf[:n]))
		}
		if err != nil {
			c.end()
			return
		}
	}
}

// end decides about an unfinished line.
func (c *capture) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rest := c.log.Bytes()[c.partial:]; c.firmware.Over(rest) {
		c.note(&c.firstByte, c.began, FirstByte)
	}
}

// add keeps what was read, and reports whether more than firmware has printed.
func (c *capture) add(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Since(c.start)
	if c.log.Len()+len(p) > maxConsole {
		c.flood = true
		return true
	}
	if c.partial == c.log.Len() {
		c.began = now
	}
	c.log.Write(p)
	for {
		rest := c.log.Bytes()[c.partial:]
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			if c.firstByte == 0 && len(rest) > 0 && !c.firmware.Maybe(rest) {
				c.note(&c.firstByte, c.began, FirstByte)
			}
			return c.firstByte > 0
		}
		c.partial += i + 1
		if c.firmware.Over(rest[:i]) {
			c.note(&c.firstByte, c.began, FirstByte)
		}
		c.began = now
		switch console.PhaseOf(rest[:i]) {
		case console.Banner:
			c.note(&c.banner, now, Banner)
		case console.Init:
			c.note(&c.init, now, InitStarted)
		case console.Panic:
			c.reached(Panicked)
		}
	}
}

// note keeps the first time of a phase.
func (c *capture) note(at *time.Duration, now time.Duration, m Milestone) {
	if *at == 0 {
		*at = now
		c.reached(m)
	}
}

// flooded reports whether the guest printed more than a boot may.
func (c *capture) flooded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flood
}

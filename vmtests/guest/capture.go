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
	start    time.Time
	progress func()
	reached  func(Milestone)

	mu      sync.Mutex
	log     bytes.Buffer
	partial int // where the line still being written starts in log
	flood   bool

	firstByte, banner, init time.Duration
}

// read reads the console until its end.
func (c *capture) read(r io.Reader) {
	buf := make([]byte, 16<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			c.add(buf[:n])
			c.progress()
		}
		if err != nil {
			return
		}
	}
}

func (c *capture) add(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Since(c.start)
	c.note(&c.firstByte, now, FirstByte)
	if c.log.Len()+len(p) > maxConsole {
		c.flood = true
		return
	}
	c.log.Write(p)
	for {
		rest := c.log.Bytes()[c.partial:]
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return
		}
		c.partial += i + 1
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

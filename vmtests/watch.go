package vmtests

import (
	"sync"
	"time"

	"github.com/hugelgupf/vmtest/qemu"

	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/console"
)

// limits are how long a boot may take.
type limits struct {
	// silent: to the first console byte. stuck: between two signs of life. total:
	// from start to end. leave: from "done" to QEMU's end.
	silent, stuck, total, leave time.Duration
}

// limitsFor gives the limits under an accelerator. TCG is some ten times slower, and
// shares its cores: a boot that takes one second alone has been seen to take eight
// beside a kernel build. A probe may take 10 s in silence, so stuck is well above.
func limitsFor(name string) limits {
	if name == accel.KVM {
		return limits{silent: 10 * time.Second, stuck: 20 * time.Second, total: time.Minute, leave: 5 * time.Second}
	}
	return limits{silent: 30 * time.Second, stuck: time.Minute, total: 5 * time.Minute, leave: 15 * time.Second}
}

// trialLimits are for the boot that decides about KVM: a good one takes half a
// second, and nobody should wait for a hung one.
var trialLimits = limits{silent: 3 * time.Second, stuck: 3 * time.Second, total: 15 * time.Second, leave: 2 * time.Second}

// watch watches over a boot and ends it when it no longer moves.
type watch struct {
	limits limits
	start  time.Time

	mu     sync.Mutex
	last   time.Time // last sign of life
	lively bool      // there has been one
	closed time.Time // when the event channel was closed

	// Set before run returns.
	killed console.Killed
	idle   time.Duration
}

func newWatch(l limits) *watch {
	now := time.Now()
	return &watch{limits: l, start: now, last: now}
}

// progress notes a sign of life: console bytes, an event line.
func (w *watch) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.lively = time.Now(), true
}

func (w *watch) channelClosed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = time.Now()
}

// run waits for the guest's end, killing it when a limit is passed, and gives what
// vmtest's Wait gave.
func (w *watch) run(vm *qemu.VM, exit <-chan error, c *capture) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-exit:
			return err
		case <-tick.C:
			if w.killed == console.NotKilled {
				if w.killed = w.verdict(time.Now(), c); w.killed != console.NotKilled {
					_ = vm.Kill() // already ended is as good
				}
			}
		}
	}
}

// verdict says for what reason to end the boot now, if any.
func (w *watch) verdict(now time.Time, c *capture) console.Killed {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = now.Sub(w.last)
	if _, flood := c.state(); flood {
		return console.KilledFlood
	}
	switch {
	case !w.closed.IsZero():
		if now.Sub(w.closed) > w.limits.leave {
			return console.KilledAfterDone
		}
	case !w.lively && w.idle > w.limits.silent:
		return console.KilledSilent
	case w.lively && w.idle > w.limits.stuck:
		return console.KilledStuck
	case now.Sub(w.start) > w.limits.total:
		return console.KilledLate
	}
	return console.NotKilled
}

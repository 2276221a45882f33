package vmtests

import (
	"sync"
	"time"

	"github.com/hugelgupf/vmtest/qemu"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/console"
)

// limits are how long a boot may take.
type limits struct {
	// silent: to the first console byte. stuck: between two signs of life. total:
	// from start to end. leave: from "done" to QEMU's end. dying: without a sign of
	// life after a panic, which prints its call trace and then resets at once.
	silent, stuck, total, leave, dying time.Duration
}

// limitsFor returns the limits under an accelerator. TCG is some ten times slower, and
// shares its cores: a boot that takes one second alone has been seen to take eight
// beside a kernel build. A probe may take 10 s in silence, so stuck is well above.
func limitsFor(name string) limits {
	if name == accel.KVM {
		return limits{silent: 10 * time.Second, stuck: 20 * time.Second, total: time.Minute, leave: 5 * time.Second, dying: 3 * time.Second}
	}
	return limits{silent: 30 * time.Second, stuck: time.Minute, total: 5 * time.Minute, leave: 15 * time.Second, dying: 5 * time.Second}
}

// with returns the limits of a boot that asks applications, of which each is as silent as
// a probe, for longer.
func (l limits) with(apps []wire.App) limits {
	for _, a := range apps {
		l.stuck, l.total = max(l.stuck, a.Limit()+l.silent), l.total+a.Limit()
	}
	return l
}

// trialLimits are for the boot that decides about KVM: a good one takes half a
// second, and nobody should wait for a hung one.
func trialLimits() limits {
	return limits{silent: 3 * time.Second, stuck: 3 * time.Second, total: 15 * time.Second, leave: 2 * time.Second, dying: time.Second}
}

// stage is a point that a boot comes to.
type stage int

// The stages, in the order of a good boot, which does not come to a panic.
const (
	stageStarted stage = iota // QEMU runs
	stageByte                 // the first console byte
	stageBanner               // the kernel's first line
	stageInit                 // the kernel starts init
	stageProbe                // a probe begins
	stageDone                 // the guest's "done"
	stagePanic                // the kernel's last words
)

// watch watches over a boot and ends it when it no longer moves.
type watch struct {
	limits limits
	start  time.Time
	// stopped tells whether somebody has stopped QEMU; it is asked when the guest looks
	// stuck, and not before.
	stopped func() bool
	// reached, if set, is told of each stage, and asked of each probe that begins.
	reached func(stage)
	asked   func(id string)

	mu       sync.Mutex
	since    time.Time // the start, later by what forgive has given
	last     time.Time // last sign of life
	lively   bool      // there has been one
	closed   time.Time // when the event channel was closed
	panicked bool      // the kernel has said so

	// Set before run returns. away is how long netstrip itself did not run.
	away   time.Duration
	killed console.Killed
	idle   time.Duration
}

func newWatch(l limits) *watch {
	now := time.Now()
	return &watch{limits: l, start: now, since: now, last: now, stopped: func() bool { return false }}
}

// reach notes a stage.
func (w *watch) reach(s stage) {
	if s == stagePanic {
		w.mu.Lock()
		w.panicked = true
		w.mu.Unlock()
	}
	if w.reached != nil {
		w.reached(s)
	}
}

// progress notes a sign of life: console bytes, a whole event.
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
// vmtest's Wait gave. flooded tells whether the guest has sent too much.
func (w *watch) run(vm *qemu.VM, exit <-chan error, flooded func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for last := w.start; ; {
		select {
		case err := <-exit:
			w.forgive(time.Since(last)) // a tick may have come at the same time
			return err
		case <-tick.C:
			now := time.Now()
			w.forgive(now.Sub(last))
			last = now
			if w.killed == console.NotKilled {
				if w.killed = w.verdict(now, flooded()); w.killed != console.NotKilled {
					_ = vm.Kill() // already ended is as good
				}
			}
		}
	}
}

// absence is how long the watch may be away between two looks before the time counts
// as nobody's.
const absence = time.Second

// forgive takes a gap between two looks off every limit when it is so long that
// netstrip itself cannot have run: it was stopped, or the machine slept or was
// starved. What the guest sent meanwhile is still unread, and it may not have run
// either.
func (w *watch) forgive(gap time.Duration) {
	if gap <= absence {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away += gap
	w.since, w.last = w.since.Add(gap), w.last.Add(gap)
	if !w.closed.IsZero() {
		w.closed = w.closed.Add(gap)
	}
}

// verdict says for what reason to end the boot now, if any.
func (w *watch) verdict(now time.Time, flooded bool) console.Killed {
	if flooded {
		return console.KilledFlood
	}
	over := w.over(now)
	if over != console.NotKilled && w.stopped() {
		return console.KilledStopped
	}
	return over
}

// over says which limit has been passed.
func (w *watch) over(now time.Time) console.Killed {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = now.Sub(w.last)
	switch {
	case !w.closed.IsZero():
		if now.Sub(w.closed) > w.limits.leave {
			return console.KilledAfterDone
		}
	case !w.lively && w.idle > w.limits.silent:
		return console.KilledSilent
	case w.panicked && w.idle > w.limits.dying:
		return console.KilledDying
	case w.lively && w.idle > w.limits.stuck:
		return console.KilledStuck
	case now.Sub(w.since) > w.limits.total:
		return console.KilledLate
	}
	return console.NotKilled
}

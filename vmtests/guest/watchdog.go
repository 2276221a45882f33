package guest

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/console"
)

// Limits are how long a boot may take.
type Limits struct {
	// Silent: to the first console byte, or from firmware's last byte to the first byte of a
	// kernel. Stuck: between two signs of life. Total: from start to end. Leave: from "done" to
	// QEMU's end. Dying: without a sign of life after a panic, which prints its call trace and then
	// resets at once.
	Silent, Stuck, Total, Leave, Dying time.Duration
}

// LimitsFor returns the limits under an accelerator. TCG is about ten times slower, and shares its
// cores: a boot of one second has taken eight beside a kernel build. A probe may be silent for 10
// s, so Stuck is well above that.
func LimitsFor(name string) Limits {
	if name == accel.KVM {
		return Limits{Silent: 10 * time.Second, Stuck: 20 * time.Second, Total: time.Minute, Leave: 5 * time.Second, Dying: 3 * time.Second}
	}
	return Limits{Silent: 30 * time.Second, Stuck: time.Minute, Total: 5 * time.Minute, Leave: 15 * time.Second, Dying: 5 * time.Second}
}

// With returns the limits of a boot that also runs applications; each may be silent for longer
// than a probe.
func (l Limits) With(apps []wire.App) Limits {
	for _, a := range apps {
		l.Stuck, l.Total = max(l.Stuck, a.Limit()+l.Silent), l.Total+a.Limit()
	}
	return l
}

// TrialLimits returns the limits of the boot that tries KVM: a good one takes half a second, and
// nobody should wait for one that hangs.
func TrialLimits() Limits {
	return Limits{Silent: 3 * time.Second, Stuck: 3 * time.Second, Total: 15 * time.Second, Leave: 2 * time.Second, Dying: time.Second}
}

// Milestone is a point that a boot reaches.
type Milestone int

// The milestones, in the order of a good boot, which does not panic.
const (
	Started     Milestone = iota // QEMU runs
	FirstByte                    // the first console byte that is not from firmware
	Banner                       // the kernel's first line
	InitStarted                  // the kernel starts init
	ProbeBegun                   // a probe begins
	Done                         // the guest's "done"
	Panicked                     // the kernel's panic message
)

// watchdog ends a boot that makes no more progress.
type watchdog struct {
	limits Limits
	start  time.Time
	// stopped reports whether QEMU has been stopped; it is called only when a limit is passed.
	stopped func() bool
	// reached, if set, is called at each milestone.
	reached func(Milestone)

	mu       sync.Mutex
	since    time.Time // the start, moved by forgive
	last     time.Time // last sign of life
	lively   bool      // there has been one that is not from firmware
	closed   time.Time // when the event channel was closed
	panicked bool      // the kernel has printed a panic
	attended bool      // a session runs
	waiting  int       // how many of its goroutines wait for the guest

	// Set before run returns. away is how long netstrip itself did not run.
	away   time.Duration
	killed console.Killed
	idle   time.Duration
}

func newWatchdog(l Limits) *watchdog {
	now := time.Now()
	return &watchdog{limits: l, start: now, since: now, last: now, stopped: func() bool { return false }}
}

// reach notes a milestone.
func (w *watchdog) reach(m Milestone) {
	if m == Panicked {
		w.mu.Lock()
		w.panicked = true
		w.mu.Unlock()
	}
	if w.reached != nil {
		w.reached(m)
	}
}

// progress notes a sign of life: console bytes or a whole event. lively: it is not from
// firmware.
func (w *watchdog) progress(lively bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.lively = time.Now(), w.lively || lively
}

// attend notes that a session begins or ends on the host. While it lasts, the limits on silence and
// on the whole boot apply only when it waits for the guest.
func (w *watchdog) attend(attended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.attended = time.Now(), attended
}

// wait notes that the session begins to wait for the guest (1) or no longer does (-1). Both are signs
// of life: it has done something else before, or has got what it waited for.
func (w *watchdog) wait(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
	w.waiting += n
}

func (w *watchdog) channelClosed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = time.Now()
}

// run waits for QEMU's end and returns what exit received. It calls kill when a limit is passed.
// flooded reports whether the guest has sent too much.
func (w *watchdog) run(kill func() error, exit <-chan error, flooded func() bool) error {
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
					_ = kill() // it may have ended already
				}
			}
		}
	}
}

// absence is the longest gap between two ticks that does not count as netstrip's absence.
const absence = time.Second

// forgive extends every limit by a gap between two ticks that is so long that netstrip itself cannot
// have run: it was stopped or starved, or the machine slept. What the guest sent meanwhile is still
// unread, and the guest may not have run either.
func (w *watchdog) forgive(gap time.Duration) {
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

// verdict returns the reason to end the boot now, if there is one.
func (w *watchdog) verdict(now time.Time, flooded bool) console.Killed {
	if flooded {
		return console.KilledFlood
	}
	over := w.over(now)
	if over != console.NotKilled && w.stopped() {
		return console.KilledStopped
	}
	return over
}

// over returns which limit has been passed.
func (w *watchdog) over(now time.Time) console.Killed {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = now.Sub(w.last)
	switch {
	case !w.closed.IsZero():
		if now.Sub(w.closed) > w.limits.Leave {
			return console.KilledAfterDone
		}
	case !w.lively && w.idle > w.limits.Silent:
		return console.KilledSilent
	case w.panicked && w.idle > w.limits.Dying:
		return console.KilledDying
	case w.attended && w.waiting == 0:
	case w.lively && w.idle > w.limits.Stuck:
		return console.KilledStuck
	case now.Sub(w.since) > w.limits.Total:
		return console.KilledLate
	}
	return console.NotKilled
}

// stopped reports whether a process has been stopped, by a signal or by a debugger.
func stopped(pid int64) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The state is the first field after the program's name (proc_pid_stat(5)), which may contain
	// anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return len(fields) > 0 && (fields[0][0] == 'T' || fields[0][0] == 't')
}

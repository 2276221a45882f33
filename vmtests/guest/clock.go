package guest

import (
	"fmt"
	"time"

	"github.com/netstrip/netstrip/vmtests/accel"
)

// ClockArgs tell a kernel how fast its time stamp counter runs, which in an emulated guest
// is the host's own. To find that out itself, it has to count without being kept waiting
// (quick_pit_calibrate and pit_calibrate_tsc, arch/x86/kernel/tsc.c): on a busy host it gives
// up after 0.2 s, and is left with a clock that moves every 4 ms. Under KVM it is not kept
// waiting.
func ClockArgs(accelerator string) []string {
	if khz := counterKHz(10 * time.Millisecond); khz > 0 && accelerator == accel.TCG {
		return []string{fmt.Sprintf("tsc_early_khz=%d", khz)}
	}
	return nil
}

// counterKHz counts for so long how many thousand times a second the counter moves.
func counterKHz(span time.Duration) int64 {
	at, count := counterAt()
	time.Sleep(span)
	end, more := counterAt()
	return (more - count) * int64(time.Millisecond) / end.Sub(at).Nanoseconds()
}

// counterAt reads the counter and says when that was: of several readings the one that
// took the least time, in which nobody came between.
func counterAt() (at time.Time, count int64) {
	least := time.Hour
	for range 10 {
		before := time.Now()
		n := counter()
		if took := time.Since(before); took < least {
			at, count, least = before, n, took
		}
	}
	return at, count
}

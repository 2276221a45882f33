package guest

import (
	"fmt"
	"time"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/vmtests/accel"
)

// ClockArgs returns the kernel argument with the frequency of the time stamp counter, if the
// architecture has one. In an emulated guest it is the host's. A kernel measures it by counting without interruption
// (quick_pit_calibrate and pit_calibrate_tsc, arch/x86/kernel/tsc.c). On a busy host it gives up
// after 0.2 s and is left with a clock that moves every 4 ms. Under KVM nothing interrupts it, and
// there is no argument.
func ClockArgs(a arch.Arch, accelerator string) []string {
	if !a.TSC {
		return nil
	}
	if khz := counterKHz(10 * time.Millisecond); khz > 0 && accelerator == accel.TCG {
		return []string{fmt.Sprintf("tsc_early_khz=%d", khz)}
	}
	return nil
}

// counterKHz measures the counter's frequency over a span of time.
func counterKHz(span time.Duration) int64 {
	at, count := counterAt()
	time.Sleep(span)
	end, more := counterAt()
	return (more - count) * int64(time.Millisecond) / end.Sub(at).Nanoseconds()
}

// counterAt reads the counter and the time. It returns the quickest of several readings, which
// nothing interrupted.
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

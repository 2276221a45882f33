//go:build linux

package appguest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// A server may wait for ever for something that the kernel lacks. An attempt ends early
// when its processes together use no more than stallTicks of processor time (USER_HZ, 100
// a second) in stallTime.
const stallTime, stallTicks = 15 * time.Second, 30

// errStalled is the cause of an early end.
var errStalled = errors.New("no process was busy for " + stallTime.String())

// untilStalled returns a context that also ends when all other processes are idle. It is
// for process 1 of a PID namespace, which sees only the processes it started.
func untilStalled(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		before, used, since := processorTimes(), 0, time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now := processorTimes()
			for pid, t := range now {
				if b, ok := before[pid]; ok { // readiness checks come and go; they do not count
					used += t - b
				}
			}
			before = now
			if used > stallTicks {
				used, since = 0, time.Now()
			} else if time.Since(since) > stallTime {
				cancel(errStalled)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// processorTimes returns the processor time, in ticks, of every other process and its
// finished children, by PID.
func processorTimes() map[string]int {
	times := map[string]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is valid
	own := strconv.Itoa(os.Getpid())
	for _, file := range files {
		stat, err := os.ReadFile(file)
		pid := filepath.Base(filepath.Dir(file))
		if err != nil || pid == own {
			continue
		}
		// utime, stime, cutime and cstime are fields 14 to 17 (proc_pid_stat(5)). The name,
		// field 2, may contain anything, also parentheses and spaces.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		for i := 11; i < 15 && i < len(fields); i++ {
			n, _ := strconv.Atoi(string(fields[i]))
			times[pid] += n
		}
	}
	return times
}

//go:build linux && amd64

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

// A server that lacks something may stay, and wait for ever. An attempt ends early when
// none of its processes has had anything to do for a while: stallTicks of processor time
// (USER_HZ, 100 a second) in stallTime.
const stallTime, stallTicks = 15 * time.Second, 30

// errStalled is the cause by which such an attempt ends.
var errStalled = errors.New("nothing has moved for " + stallTime.String())

// untilStalled returns a context that ends, too, when all processes but this one stand still.
// It is for process 1 of a namespace, which sees no others than those it started.
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
				if b, ok := before[pid]; ok { // a client that came and went does not count
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

// processorTimes returns the processor time of every other process and of its children that
// have ended, in ticks.
func processorTimes() map[string]int {
	times := map[string]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is a good one
	own := strconv.Itoa(os.Getpid())
	for _, file := range files {
		stat, err := os.ReadFile(file)
		pid := filepath.Base(filepath.Dir(file))
		if err != nil || pid == own {
			continue
		}
		// utime, stime, cutime and cstime are the fields 14 to 17 (proc_pid_stat(5)); after
		// the program's name, which may itself hold anything, comes the third.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		for i := 11; i < 15 && i < len(fields); i++ {
			n, _ := strconv.Atoi(string(fields[i]))
			times[pid] += n
		}
	}
	return times
}

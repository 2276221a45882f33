package truth

import (
	"fmt"
	"io"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/vmtests/console"
	"golang.org/x/sys/unix"
)

const (
	// maxHeld is how many bytes of logs are kept in memory.
	maxHeld = 64 << 20
	// enough is how much processor time is spent on reading them repeatedly.
	enough = 300 * time.Millisecond
)

// speed returns how fast logs are read, in megabytes per second of processor time, since the
// clock says little on a busy machine.
func speed(paths []string) (float64, error) {
	var logs [][]byte
	held := 0
	for _, path := range paths {
		f, err := file.Open(path)
		if err != nil {
			return 0, err
		}
		log, err := io.ReadAll(io.LimitReader(f, int64(maxHeld-held)))
		f.Close()
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", path, err)
		}
		logs, held = append(logs, log), held+len(log)
	}
	if held == 0 {
		return 0, nil
	}
	begin, done := used(), 0
	for used()-begin < enough {
		for _, log := range logs {
			console.Read(log)
		}
		done += held
	}
	return float64(done) / 1e6 / (used() - begin).Seconds(), nil
}

// used returns the processor time of this process.
func used() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

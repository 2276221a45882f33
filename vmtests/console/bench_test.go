package console

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// bootLog returns the log of ordinary boots, one after the other, of at least a megabyte.
func bootLog(tb testing.TB) []byte {
	var all bytes.Buffer
	for all.Len() < 1<<20 {
		for _, name := range []string{"hangs-full", "init-exits-base", "powers-off", "systemd-freezes", "spins-61-nots", "halts"} {
			log, err := os.ReadFile("testdata/" + name + ".log")
			require.NoError(tb, err)
			all.Write(log)
		}
	}
	return all.Bytes()
}

// cpuTime returns the processor time of this process in seconds. On a busy machine the wall
// clock means little.
func cpuTime(tb testing.TB) float64 {
	var used unix.Rusage
	require.NoError(tb, unix.Getrusage(unix.RUSAGE_SELF, &used))
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// BenchmarkRead reads ordinary boot logs, and one with nothing but faults.
func BenchmarkRead(b *testing.B) {
	var bad bytes.Buffer
	for i := range 10000 {
		fmt.Fprintf(&bad, "[%5d.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [spinner:%d]\r\n", i, i)
	}
	for name, log := range map[string][]byte{"boots": bootLog(b), "faults": bad.Bytes()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(log)))
			begin := cpuTime(b)
			for b.Loop() {
				Read(log)
			}
			b.ReportMetric(float64(b.N*len(log))/1e6/(cpuTime(b)-begin), "cpu-MB/s")
		})
	}
}

package guest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// newName makes the name that a boot's QEMU bears: vmtest does not say which process
// it is, and several may run.
func newName() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return fmt.Sprintf("netstrip-%d-%s", os.Getpid(), hex.EncodeToString(b[:]))
}

// processNamed finds the process of the QEMU with a name; 0 when there is none or
// /proc does not show it. It looks again for a tenth of a second: while setpriv becomes
// a shell and the shell QEMU, the command line is empty for moments.
func processNamed(name string) int {
	for range 20 {
		if pid := findNamed(name); pid != 0 {
			return pid
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0
}

func findNamed(name string) int {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is a good one
	for _, path := range lines {
		line, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(line, []byte("\x00-name\x00"+name+"\x00")) {
			continue // others come and go
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			return pid
		}
	}
	return 0
}

// stopped reports whether a process has been stopped, by a signal or by a debugger.
func stopped(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The state is the first field after the program's name (proc_pid_stat(5)), which
	// may itself hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return len(fields) > 0 && (fields[0][0] == 'T' || fields[0][0] == 't')
}

// watch returns the watch over a boot whose QEMU bears a name.
func (g Guest) watch(name string) *watchdog {
	w := newWatchdog(g.Limits)
	w.asked = g.Asked
	w.stopped = func() bool { return stopped(processNamed(name)) }
	if g.Reached != nil {
		w.reached = func(s Milestone) { g.Reached(s, processNamed(name)) }
	}
	return w
}

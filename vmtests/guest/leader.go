package guest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hugelgupf/vmtest/qemu"
	"golang.org/x/sys/unix"
)

// leader is the process that became QEMU, and with it all that QEMU, or what stands in its
// place, has started.
type leader struct {
	vm   *qemu.VM
	name string
	// said has the process's ID as its one line.
	said io.Reader
}

// bootEnv names the environment variable that all processes of a boot have.
const bootEnv = "NETSTRIP_BOOT"

// straggle is how long what QEMU has started may hold QEMU's output open once QEMU has
// ended and its process group has been killed.
const straggle = time.Second

// errHeld is the end of a boot whose output somebody holds open for good.
var errHeld = errors.New("a process that QEMU's program started holds its output open and was not found")

// wait waits for QEMU's end, ends what it left, and returns what vmtest's Wait gave. Without
// that, a program in QEMU's place that leaves a child behind would be waited for as long as
// the child lives.
func (l leader) wait() error {
	line, _ := bufio.NewReader(l.said).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return l.vm.Wait() // it ended before it was QEMU
	}
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break // ended, or even reaped
		}
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL) // it leads a group, which is mostly empty
	exit := make(chan error, 1)
	go func() { exit <- l.vm.Wait() }()
	for range 3 {
		select {
		case err := <-exit:
			return err
		case <-time.After(straggle):
			l.killMarked()
		}
	}
	return errHeld
}

// killMarked kills the processes that left the group, which the environment gives away.
func (l leader) killMarked() {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is a good one
	mark := fmt.Appendf(nil, "%s=%s\x00", bootEnv, l.name)
	for _, path := range paths {
		env, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(env, mark) {
			continue // others come and go
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

//go:build linux

package probes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// OfInit returns what is asked, before all else, of a guest that was booted to see how far
// its init comes: who process 1 is, what it has set up, and how each step of its start
// script or unit of its own went. It is empty for no name. What stands in dir is read
// (wire.StepsDir in a guest).
func OfInit(name, dir string) []Probe {
	if name == "" {
		return nil
	}
	all := []Probe{
		{ID: "init/process", Question: "What is process 1 called?", Always: "there is always one", ask: initProcess},
		{ID: "init/mounts", Question: "Which kinds of file system has init mounted?", Always: "proc at least is read by the probes", ask: initMounts},
		{ID: "init/lo", Question: "Has init set up the loopback interface?", ask: initLo},
		{ID: "init/ip-sockets", Question: "How many IP sockets does the system hold?", ask: ipSockets},
	}
	steps, _ := os.ReadDir(dir) // without a directory there are none
	for _, s := range steps {
		all = append(all, Probe{
			ID: "init/step/" + s.Name(), Question: "Did the step " + s.Name() + " of the start script succeed?",
			ask: func(context.Context) (answer, error) { return step(filepath.Join(dir, s.Name())) },
		})
	}
	if name == "systemd" {
		all = append(all, systemdProbes()...)
	}
	return all
}

func initProcess(context.Context) (answer, error) {
	text, err := readFile("/proc", "1/comm")
	return answer{call: "/proc/1/comm", value: strings.TrimSpace(text)}, err
}

func initMounts(context.Context) (answer, error) {
	text, err := readFile("/proc", "mounts")
	var kinds []string
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 2 && f[2] != "rootfs" {
			kinds = append(kinds, f[2])
		}
	}
	slices.Sort(kinds)
	return answer{call: "/proc/mounts", value: strings.Join(slices.Compact(kinds), ",")}, err
}

// initLo takes an lo that is down for one that init has not set up: it is born down.
func initLo(context.Context) (answer, error) {
	r, call, err := loRequest(unix.SIOCGIFFLAGS, "SIOCGIFFLAGS")
	if err != nil {
		return answer{}, err
	}
	if r.Uint16()&unix.IFF_UP == 0 {
		return answer{}, try(call, unix.ENETDOWN, unix.ENETDOWN)
	}
	return answer{call: call, value: flagNames(uint32(r.Uint16()))}, nil
}

// ipSockets counts the lines below the heads of /proc/net/tcp and its like. What is not
// there has none.
func ipSockets(context.Context) (answer, error) {
	n := 0
	_, err := readFile("/proc/self", "net/dev")
	for _, kind := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "raw6"} {
		if data, err := os.ReadFile("/proc/net/" + kind); err == nil {
			n += strings.Count(string(data), "\n") - 1
		}
	}
	return answer{call: "/proc/net", value: strconv.Itoa(n)}, err
}

// step reads what a start script left of one of its steps. A step that failed has not done
// its work, whatever the reason: that is conclusive, and its words name the errno.
func step(file string) (answer, error) {
	call := filepath.Base(file)
	data, err := os.ReadFile(file)
	if err != nil {
		return answer{}, try(call, err)
	}
	status, said, _ := strings.Cut(string(data), "\n")
	said = strings.TrimSpace(said)
	if status == "0" {
		return answer{call: call, detail: said}, nil
	}
	return answer{}, &failure{call: call, gone: true, err: &told{said: fmt.Sprintf("exit status %s: %s", status, said), errno: errnoIn(said)}}
}

// told is an error that a program put into words.
type told struct {
	said  string
	errno error
}

func (t *told) Error() string { return t.said }
func (t *told) Unwrap() error { return t.errno }

// errnoIn returns the error number whose text stands in what a program said; nil for none.
// Go's texts are those of the C library in small letters.
func errnoIn(said string) error {
	said = strings.ToLower(said)
	for n := syscall.Errno(1); n < 134; n++ { // EHWPOISON is the last
		if unix.ErrnoName(n) != "" && strings.Contains(said, n.Error()) {
			return n
		}
	}
	return nil
}

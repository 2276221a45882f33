//go:build linux

// Package pid1 asks how far the init that runs as process 1 got: what it set up, and how its steps
// or units ended. It runs in the guest; its tests also run on the host.
package pid1

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

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
)

// Probes returns the probes that run first in a guest booted into the named init: what process 1
// is, what it has set up, and how each step of its start script (in dir, wire.StepsDir in a guest)
// or each of its units ended. It returns none for an empty name.
func Probes(name, dir string) []probes.Probe {
	if name == "" {
		return nil
	}
	all := []probes.Probe{
		{ID: "init/process", Ask: process},
		{ID: "init/mounts", Ask: mounts},
		{ID: "init/lo", Ask: loUp},
		{ID: "init/ip-sockets", Ask: ipSockets},
	}
	steps, _ := os.ReadDir(dir) // without the directory there are no steps
	for _, s := range steps {
		all = append(all, probes.Probe{
			ID:  "init/step/" + s.Name(),
			Ask: func(context.Context) (probes.Answer, error) { return step(filepath.Join(dir, s.Name())) },
		})
	}
	if name == "systemd" {
		all = append(all, systemd()...)
	}
	return all
}

func process(context.Context) (probes.Answer, error) {
	text, err := probes.ReadFile("/proc", "1/comm")
	return probes.Answer{Call: "/proc/1/comm", Value: strings.TrimSpace(text)}, err
}

func mounts(context.Context) (probes.Answer, error) {
	text, err := probes.ReadFile("/proc", "mounts")
	var kinds []string
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 2 && f[2] != "rootfs" {
			kinds = append(kinds, f[2])
		}
	}
	slices.Sort(kinds)
	return probes.Answer{Call: "/proc/mounts", Value: strings.Join(slices.Compact(kinds), ",")}, err
}

// loUp reads lo's flags. If lo is down, init has not set it up.
func loUp(context.Context) (probes.Answer, error) {
	r, call, err := netdev.LoRequest(unix.SIOCGIFFLAGS, "SIOCGIFFLAGS")
	if err != nil {
		return probes.Answer{}, err
	}
	if r.Uint16()&unix.IFF_UP == 0 {
		return probes.Answer{}, probes.Try(call, unix.ENETDOWN, unix.ENETDOWN)
	}
	return probes.Answer{Call: call, Value: netdev.FlagNames(uint32(r.Uint16()))}, nil
}

// ipSockets counts the lines below the headings of /proc/net/tcp and similar files. A missing file
// counts as empty.
func ipSockets(context.Context) (probes.Answer, error) {
	n := 0
	_, err := probes.ReadFile("/proc/self", "net/dev")
	for _, kind := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "raw6"} {
		if data, err := os.ReadFile("/proc/net/" + kind); err == nil {
			n += strings.Count(string(data), "\n") - 1
		}
	}
	return probes.Answer{Call: "/proc/net", Value: strconv.Itoa(n)}, err
}

// step reads the result that a start script recorded for one of its steps. A failed step is absent,
// whatever the reason, and its message names the errno.
func step(file string) (probes.Answer, error) {
	call := filepath.Base(file)
	data, err := os.ReadFile(file)
	if err != nil {
		return probes.Answer{}, probes.Try(call, err)
	}
	status, said, _ := strings.Cut(string(data), "\n")
	said = strings.TrimSpace(said)
	if status == "0" {
		return probes.Answer{Call: call, Detail: said}, nil
	}
	return probes.Answer{}, &probes.Failure{Call: call, Gone: true, Err: &told{said: fmt.Sprintf("exit status %s: %s", status, said), errno: errnoIn(said)}}
}

// told is an error that a program printed.
type told struct {
	said  string
	errno error
}

func (t *told) Error() string { return t.said }

func (t *told) Unwrap() error { return t.errno }

// errnoIn returns the error number whose text a program printed, nil for none. Go's texts are
// those of the C library in lower case.
func errnoIn(said string) error {
	said = strings.ToLower(said)
	for n := syscall.Errno(1); n < 134; n++ { // EHWPOISON is the last
		if unix.ErrnoName(n) != "" && strings.Contains(said, n.Error()) {
			return n
		}
	}
	return nil
}

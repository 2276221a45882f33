//go:build linux

package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/kmod"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// hello returns what the guest says about itself. A field that cannot be determined stays empty:
// the probes matter more.
func hello(device string, chosen []task, modules *kmod.Watch) *wire.Hello {
	h := &wire.Hello{
		Version: wire.Version, Channel: device, Probes: []string{}, LoadsModules: kmod.Supported(), Modules: modules.News(),
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		h.Release = unix.ByteSliceToString(u.Release[:])
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		h.MemTotalKB = meminfo(string(text), "MemTotal")
		h.MemAvailableKB = meminfo(string(text), "MemAvailable")
	}
	for _, t := range chosen {
		h.Probes = append(h.Probes, t.id)
	}
	return h
}

// meminfo returns a field of /proc/meminfo in KiB, 0 if it is missing.
func meminfo(text, field string) int64 {
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, ":")
		parts := strings.Fields(rest)
		if name == field && len(parts) == 2 && parts[1] == "kB" {
			n, err := strconv.ParseInt(parts[0], 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return 0
}

// parameter returns the value of a kernel command-line parameter, empty if it is missing. As in
// the kernel, the last one counts, and quotes around a value are removed.
func parameter(cmdline, name string) string {
	value := ""
	for _, word := range strings.Fields(cmdline) {
		if v, ok := strings.CutPrefix(word, name+"="); ok {
			value = strings.Trim(v, `"`)
		}
	}
	return value
}

// uptime returns CLOCK_BOOTTIME in seconds.
func uptime() float64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return float64(ts.Sec) + float64(ts.Nsec)/1e9
}

//go:build linux

// Command faulty is a guest program that fails on purpose, in the way that the kernel command line
// names. It runs in the guest, as the uinit or the init of images that only tests make; no kernel
// is measured with it.
//
// It writes to the event port directly, because vmtest's emitter sends only well-formed events.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hugelgupf/vmtest/guest"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
)

func main() {
	if pid := os.Getpid(); pid == 1 {
		mountAll()
	} else if os.Getppid() != 1 {
		fmt.Fprintln(os.Stderr, "faulty: started by neither the kernel nor init: nothing done")
		os.Exit(2)
	}
	name, err := faultName()
	if err != nil {
		giveUp(err)
	}
	g := &sick{}
	if os.Getpid() != 1 {
		if g.port, err = openPort(); err != nil {
			giveUp(err)
		}
		g.soundPart(name)
	}
	fault, ok := faults()[name]
	if !ok {
		giveUp(fmt.Errorf("no such fault: %q", name))
	}
	fault(g)
}

// giveUp ends the boot unlike any fault: the host sees a guest that hangs, with the reason on the
// console.
func giveUp(err error) {
	fmt.Fprintf(os.Stderr, "faulty: %v\n", err)
	for {
		_ = unix.Pause()
	}
}

// mountAll mounts what u-root's init would have mounted.
func mountAll() {
	for _, m := range []struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}} {
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			giveUp(fmt.Errorf("mounting %s: %w", m.at, err))
		}
	}
}

func faultName() (wire.Fault, error) {
	cmdline, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return "", fmt.Errorf("reading the kernel command line: %w", err)
	}
	for _, word := range strings.Fields(string(cmdline)) {
		if v, ok := strings.CutPrefix(word, wire.ParamFault+"="); ok {
			return wire.Fault(v), nil
		}
	}
	return "", fmt.Errorf("the kernel command line has no %s", wire.ParamFault)
}

// openPort opens the event port, for which the driver may still be looking.
func openPort() (*os.File, error) {
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		device, err := guest.VirtioSerialDevice(wire.Port)
		if err == nil {
			return os.OpenFile(device, os.O_WRONLY, 0)
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("opening the event port: %w", err)
		}
	}
}

// sick is the guest with its fault.
type sick struct{ port *os.File }

// soundPart sends what a good guest would have sent up to now.
func (g *sick) soundPart(name wire.Fault) {
	g.hello()
	for i := range wire.FaultFindings {
		g.found(i+1, wire.Works)
	}
	g.send(wire.Event{Kind: wire.KindStart, Probe: "fault/" + string(name)})
}

func (g *sick) hello() {
	hello := wire.Hello{Version: wire.Version, Channel: g.port.Name(), Probes: []string{}}
	g.send(wire.Event{Kind: wire.KindHello, Hello: &hello})
}

// found sends finding number n.
func (g *sick) found(n int, v wire.Verdict) {
	f := wire.Finding{ID: fmt.Sprintf("fault/sound/%d", n), Verdict: v}
	g.send(wire.Event{Kind: wire.KindFinding, Finding: &f})
}

// send sends an event as the emitter would.
func (g *sick) send(e wire.Event) { g.write(line(&e)) }

// end sends bye and "done", as a good guest would.
func (g *sick) end() {
	g.send(wire.Event{Kind: wire.KindBye})
	g.write([]byte(`{"hugelgupf_vmtest_guest_action":"done"}` + "\n"))
}

func (g *sick) write(p []byte) {
	if _, err := g.port.Write(p); err != nil {
		giveUp(fmt.Errorf("writing to the event port: %w", err))
	}
}

// line returns an event in vmtest's envelope (its internal/eventchannel).
func line(e *wire.Event) []byte {
	data, err := json.Marshal(struct {
		Action string `json:"hugelgupf_vmtest_guest_action"`
		Actual *wire.Event
	}{"guestevent", e})
	if err != nil {
		giveUp(err)
	}
	return append(data, '\n')
}

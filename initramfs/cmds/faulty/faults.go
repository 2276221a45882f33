//go:build linux

package main

import (
	"bytes"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// flood is how much a flooding guest tries to send.
const flood = 1 << 30

// faults returns what the guest does for each fault. A function that returns ends main, and the
// guest exits with status 0.
func faults() map[wire.Fault]func(*sick) {
	return map[wire.Fault]func(*sick){
		wire.FaultNone:    func(g *sick) { g.end(); reboot() },
		wire.FaultPanic:   func(*sick) { write("/proc/sys/vm/panic_on_oom", "2"); takeMemory() },
		wire.FaultSysrq:   func(*sick) { write("/proc/sysrq-trigger", "c") },
		wire.FaultMemory:  func(*sick) { takeMemory() },
		wire.FaultExit:    func(*sick) {},
		wire.FaultSignal:  func(*sick) { segfault() },
		wire.FaultCrash:   func(*sick) { panic("on purpose") },
		wire.FaultHang:    func(*sick) { hang() },
		wire.FaultSpin:    func(*sick) { spin() },
		wire.FaultReboot:  func(*sick) { reboot() },
		wire.FaultChatter: func(*sick) { chatter() },
		wire.FaultConsole: func(*sick) { printLines() },
		wire.FaultForge:   func(*sick) { say("\nKernel panic - not syncing: forged\n"); hang() },
		wire.FaultMidLine: func(*sick) { say("a line without an end") },
		wire.FaultFlood:   sendEvents,
		wire.FaultEndless: sendEndless,
		wire.FaultLong:    func(g *sick) { g.send(event(strings.Repeat("x", 100<<10))); g.end(); reboot() },
		wire.FaultJunk:    sendJunk,
		wire.FaultCut:     func(g *sick) { e := event("cut"); g.write(line(&e)[:40]); reboot() },
		wire.FaultLate:    func(g *sick) { g.end(); g.send(event("late")); g.end(); reboot() },
		wire.FaultHello:   func(g *sick) { g.hello(); g.end(); reboot() },
		wire.FaultTwice:   func(g *sick) { g.found(1, wire.Absent); g.end(); reboot() },
		wire.FaultRepeat:  func(g *sick) { g.found(1, wire.Works); g.end(); reboot() },
		wire.FaultLinger:  func(g *sick) { g.end(); hang() },
	}
}

// takeMemory allocates and writes memory until there is none.
func takeMemory() {
	debug.SetGCPercent(-1)
	for {
		page := make([]byte, 1<<20)
		for i := 0; i < len(page); i += 4096 {
			page[i] = 1
		}
	}
}

// segfault dies of SIGSEGV. Go would turn the signal into a panic, and process 1 only receives
// signals that the kernel forces on it, so it removes the handler and reads a bad address.
func segfault() {
	var action [4]uintptr // handler SIG_DFL, no flags, no restorer, no mask
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGSEGV),
		uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	var nowhere *int
	*nowhere = 1
}

// hang waits in the kernel, where Go's runtime detects no deadlock.
func hang() {
	for {
		_ = unix.Pause()
	}
}

// spin takes the CPU for ever. Interrupts stay on: user space needs iopl(2) to switch them off,
// which the kernels here do not have (CONFIG_X86_IOPL_IOPERM).
func spin() {
	write("/proc/sys/kernel/sched_rt_runtime_us", "-1")
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 99}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		giveUp(err)
	}
	for n := uint64(1); n != 0; n++ { // some centuries
	}
}

func chatter() {
	for ; ; time.Sleep(50 * time.Millisecond) {
		say(".")
	}
}

func printLines() {
	text := strings.Repeat(strings.Repeat("y", 79)+"\n", 50)
	for sent := 0; sent < flood; sent += len(text) {
		say(text)
	}
}

func sendEvents(g *sick) {
	e := event("z")
	text := bytes.Repeat(line(&e), 300)
	for sent := 0; sent < flood; sent += len(text) {
		g.write(text)
	}
	g.end()
	reboot()
}

func sendEndless(g *sick) {
	text := bytes.Repeat([]byte("x"), 32<<10)
	for sent := 0; sent < flood; sent += len(text) {
		g.write(text)
	}
	g.write([]byte("\n"))
	g.end()
	reboot()
}

// sendJunk sends every possible byte, which makes two lines, and then an event.
func sendJunk(g *sick) {
	junk := make([]byte, 256)
	for i := range junk {
		junk[i] = byte(i)
	}
	g.write(append(junk, '\n'))
	g.end()
	reboot()
}

func event(probe string) wire.Event { return wire.Event{Kind: wire.KindStart, Probe: probe} }

func say(text string) { _, _ = os.Stderr.WriteString(text) }

func write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0); err != nil {
		giveUp(err)
	}
}

func reboot() { giveUp(unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)) }

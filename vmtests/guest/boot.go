// Package guest boots one untrusted guest under QEMU, watches it to its end and returns what it
// did. It runs on the host. It has no notion of profiles or results files: a kernel, an initramfs
// and limits in, an outcome out.
package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Guest describes one boot.
type Guest struct {
	// Arch is its architecture; the zero value means the default.
	Arch arch.Arch
	// Accel is "kvm" or "tcg".
	Accel string
	// MemoryMiB is the guest's memory.
	MemoryMiB int
	// QEMU, Kernel and Image are the paths of the QEMU program, the kernel and the initramfs.
	QEMU, Kernel, Image string
	// Disk, if set, is the path of an image that the guest reads as its disk. It comes with
	// a second processor, for the programs on it, and a source of random numbers.
	Disk string
	// KernelArgs are added to the kernel's command line.
	KernelArgs []string
	// Limits bound the boot's time; without them it ends at once (see LimitsFor).
	Limits Limits
	// Reached, if set, is called at each milestone with QEMU's process ID, 0 if that is unknown.
	Reached func(m Milestone, qemu int)
	// Asked, if set, is called with the ID of each probe that begins.
	Asked func(id string)
	// Session, if set, adds the port of a session (package duplex) and is called with the host's end
	// of it once QEMU runs. When QEMU has ended, the end of what the guest sent can be read. Boot
	// waits for Session to return. While Session waits for the port, silence counts as usual
	// (Limits.Stuck); while it does something else, such as writing to a slow terminal, neither silence
	// nor the time in total does.
	Session func(port io.ReadWriter)
}

// Result is the result of one boot.
type Result struct {
	Outcome record.Outcome
	// Reason says why the outcome is not Completed; Notices are other remarkable lines.
	Reason  string
	Notices []string
	// Task and Trace are those of a panic.
	Task  string
	Trace []string
	// Started is the time that Phases count from.
	Started time.Time
	Phases  record.Phases
	// Hello and Findings are what the guest sent, which may be several findings of one probe.
	// Running is the probe that began last if it has no finding.
	Hello    *wire.Hello
	Findings []wire.Finding
	Running  string
	// Said is a message that QEMU printed although it ran on.
	Said string
	// Console is the console log; nil if QEMU was not started.
	Console []byte
}

// boot is a boot in progress.
type boot struct {
	Result
	guest    Guest
	channels *channels
	watchdog *watchdog
	capture  capture
	decoder  decoder
	monitor  monitor
	said     tail // QEMU's own output
	hellos   int
	pid      atomic.Int64 // QEMU's process and process group; 0 while it is unknown
	held     bool         // another process holds the channels open after QEMU's end
}

// Boot runs one guest to its end. An infrastructure failure is an outcome; the only error is that
// of ctx.
func Boot(ctx context.Context, g Guest) (Result, error) {
	files, err := g.openFiles()
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if err != nil {
		return Result{Outcome: record.ImageFailed, Reason: err.Error()}, nil
	}
	c, err := openChannels(g.Session != nil)
	if err != nil {
		return Result{Outcome: record.QEMUFailed, Reason: err.Error()}, nil
	}
	defer c.close()

	b := newBoot(g, c)
	vm, err := b.options(files).Start(ctx)
	if err != nil {
		return Result{Outcome: record.QEMUFailed, Reason: "QEMU did not start: " + err.Error()}, ctx.Err()
	}
	c.closeGuest()
	exit := make(chan error, 1)
	go func() { exit <- vm.Wait() }()
	err = b.watchdog.run(vm.Kill, exit, func() bool { return b.capture.flooded() || b.decoder.flood.Load() })
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	b.finish(err)
	return b.Result, nil
}

func newBoot(g Guest, c *channels) *boot {
	w := newWatchdog(g.Limits)
	b := &boot{guest: g, channels: c, watchdog: w}
	b.Started = w.start
	w.stopped = func() bool { return stopped(b.pid.Load()) }
	if g.Reached != nil {
		w.reached = func(m Milestone) { g.Reached(m, int(b.pid.Load())) }
	}
	b.capture = capture{start: w.start, progress: w.progress, reached: w.reach}
	b.decoder = decoder{event: b.event, end: b.end}
	return b
}

// event handles one of the guest's events.
func (b *boot) event(e wire.Event) {
	b.watchdog.progress(true)
	if b.Phases.FirstEvent == 0 {
		b.Phases.FirstEvent = time.Since(b.Started).Seconds()
		b.Phases.GuestStart = e.Uptime
	}
	switch {
	case e.Kind == wire.KindHello && e.Hello != nil:
		b.hellos++
		if b.hellos == 1 {
			b.Hello = e.Hello
		}
	case e.Kind == wire.KindStart:
		b.Running = e.Probe
		b.watchdog.reach(ProbeBegun)
		if b.guest.Asked != nil {
			b.guest.Asked(e.Probe)
		}
	case e.Kind == wire.KindFinding && e.Finding != nil:
		b.Findings = append(b.Findings, *e.Finding)
		b.Running = ""
	}
}

// end handles the end of the guest's events: "done", or the end of all channels.
func (b *boot) end(done bool) {
	b.watchdog.channelClosed()
	if done {
		b.watchdog.progress(true)
		b.Phases.Done = time.Since(b.Started).Seconds()
		b.watchdog.reach(Done)
	}
}

// finish decides the outcome of the boot, once everything has been read. exit is how QEMU ended.
func (b *boot) finish(exit error) {
	b.Console = append([]byte{}, b.capture.log.Bytes()...) // empty, but not nil
	log, said, w := console.Read(b.Console), b.said.String(), b.watchdog
	facts := console.Facts{
		Done: b.decoder.done, Events: b.decoder.events, Running: b.Running, Flood: b.capture.flood || b.decoder.flood.Load(),
		Killed: w.killed, Idle: w.idle, Message: said, Quit: exit == nil && b.monitor.quit(),
	}
	if failed := new(exec.ExitError); errors.As(exit, &failed) {
		if ws, ok := failed.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			facts.Signal = unix.SignalName(ws.Signal())
		} else {
			facts.Exit = failed.ExitCode()
		}
	}
	b.Outcome, b.Reason = console.Classify(log, facts)
	b.Notices = append(log.Notices, b.decoder.notices()...)
	switch {
	case b.held && facts.Done:
		b.Notices = append(b.Notices, held)
	case b.held:
		b.Outcome, b.Reason = record.QEMUFailed, held
	}
	if b.hellos > 1 {
		b.Notices = append(b.Notices, fmt.Sprintf("the guest said hello %d times; the first counts", b.hellos))
	}
	if b.Outcome == record.Panicked || b.Outcome == record.InitFailed {
		b.Task, b.Trace = log.PanicTask, log.Trace
	}
	if !b.Outcome.RigFault() && !strings.Contains(said, "warning:") { // otherwise it is in the reason
		b.Said = said
	}
	if n := console.End(log, facts); n != "" {
		b.Notices = append(b.Notices, n)
	}
	b.Phases.Exit = max(b.Phases.Exit, b.Phases.Done) // two goroutines note the end
	b.Phases.FirstByte = b.capture.firstByte.Seconds()
	b.Phases.Banner = b.capture.banner.Seconds()
	b.Phases.Init = b.capture.init.Seconds()
	if w.away > 0 {
		b.Phases = record.Phases{}
		b.Notices = append(b.Notices, fmt.Sprintf("netstrip was stopped or starved for %s of this boot: no times are recorded", w.away.Round(time.Second/10)))
	}
}

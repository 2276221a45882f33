// Package guest boots one untrusted guest under QEMU, watches it to its end and returns what
// it did. It runs on the host. It knows neither profiles nor results files: a kernel, an
// initramfs and their limits come in, an outcome comes out.
package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hugelgupf/vmtest/qemu"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Guest is what one boot needs.
type Guest struct {
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
}

// Result is what came of one boot.
type Result struct {
	Outcome record.Outcome
	// Reason says why the outcome is not Completed; Notices is what else was noticed.
	Reason  string
	Notices []string
	// Task and Trace are those of a panic.
	Task  string
	Trace []string
	// Started is the time that Phases count from.
	Started time.Time
	Phases  record.Phases
	// Hello and Findings are what the guest sent, Running the probe that had begun last and
	// has no finding. A guest may send several findings of one probe.
	Hello    *wire.Hello
	Findings []wire.Finding
	Running  string
	// Said is what QEMU printed about something that did not end it.
	Said string
	// Console is the console log; nil if QEMU was not started.
	Console []byte

	again   int // hellos after the first, which change nothing
	capture *capture
}

// Boot runs one guest to its end. A fault of the rig is an outcome; the only error is that
// of ctx.
func Boot(ctx context.Context, g Guest) (Result, error) {
	kernel, image, err := g.openImages()
	if err != nil {
		return Result{Outcome: record.ImageFailed, Reason: err.Error()}, nil
	}
	defer kernel.Close()
	defer image.Close()
	var disk *os.File
	if g.Disk != "" {
		if disk, err = openForQEMU(g.Disk); err != nil {
			return Result{Outcome: record.ImageFailed, Reason: "opening the disk: " + err.Error()}, nil
		}
		defer disk.Close()
	}
	e, err := openChannels()
	if err != nil {
		return Result{Outcome: record.QEMUFailed, Reason: err.Error()}, nil
	}
	defer e.close()

	name := newName()
	w := g.watch(name)
	r := Result{Started: w.start, capture: &capture{start: w.start, progress: w.progress, reached: w.reach}}
	events := make(chan wire.Event, 64)
	s, m := &decoder{progress: w.progress}, &monitor{}
	task, err := eventTask(s, events, e.host[1], e.host[2])
	if err != nil {
		return Result{Outcome: record.QEMUFailed, Reason: err.Error()}, nil
	}
	var said tail
	vm, err := qemu.StartContext(ctx, qemu.ArchAMD64, g.configure(name, e, [3]*os.File{kernel, image, disk}, &said, task))
	if err != nil {
		return Result{Outcome: record.QEMUFailed, Reason: "QEMU did not start: " + err.Error()}, ctx.Err()
	}
	e.closeGuest()
	w.reach(Started)
	var readers sync.WaitGroup
	readers.Go(func() { r.capture.read(e.host[0]) })
	readers.Go(func() { r.consume(events, w, s) })
	readers.Go(func() { m.read(e.host[3]) })
	exit := make(chan error, 1)
	go func() { exit <- leader{vm, name, e.host[4]}.wait() }()
	waitErr := w.run(vm, exit, func() bool { return r.capture.flooded() || s.flooded() })
	r.Phases.Exit = time.Since(w.start).Seconds()
	if errors.Is(waitErr, errHeld) {
		e.close() // the readers would wait for ever
	}
	readers.Wait()
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	r.finish(s, w, waitErr, m.quit(), said.String())
	return r, nil
}

// configure sets up vmtest's options, all of them: whatever VMTEST_ variables the
// environment holds must not change what is measured.
// Of the files, kernel, initramfs and disk, the last may be none.
func (g Guest) configure(name string, e *channels, files [3]*os.File, said *tail, task qemu.Task) qemu.Fn {
	return func(_ *qemu.IDAllocator, o *qemu.Options) error {
		*o = qemu.Options{Tasks: []qemu.Task{task}}
		o.SerialOutput = append(o.SerialOutput, said) // what QEMU itself prints
		id := o.AddFile(e.guest[4])                   // first, since a shell can name no descriptor over 9
		console, events, fallback := o.AddFile(e.guest[0]), o.AddFile(e.guest[1]), o.AddFile(e.guest[2])
		kernel, image, disk := o.AddFile(files[0]), o.AddFile(files[1]), 0
		if files[2] != nil {
			disk = o.AddFile(files[2])
		}
		w := fdWiring(console, events, fallback, kernel, image, disk)
		w.passed = append(w.passed, "-chardev", fmt.Sprintf("socket,fd=%d,id=monitor", o.AddFile(e.guest[3])), "-mon", "chardev=monitor,mode=control")
		o.AppendQEMU(append(append([]string{"env", "-i", bootEnv + "=" + name}, process.Environ(QEMU)...), confine(g.Accel, id)...)...)
		o.AppendQEMU(g.QEMU)
		o.AppendQEMU(sandbox()...)
		o.AppendQEMU("-name", name)
		o.AppendQEMU(g.args(w)...)
		return nil
	}
}

// command is the boot as a line to paste.
func (g Guest) Command() string {
	args := append([]string{"qemu-system-x86_64"}, sandbox()...)
	return shellQuote(append(args, g.args(pasteWiring(g.Kernel, g.Image, g.Disk))...))
}

// consume takes the guest's events until "done" or the guest's end.
func (r *Result) consume(events <-chan wire.Event, w *watchdog, s *decoder) {
	for e := range events {
		if r.Phases.FirstEvent == 0 {
			r.Phases.FirstEvent = time.Since(w.start).Seconds()
			r.Phases.GuestStart = e.Uptime
		}
		switch {
		case e.Kind == wire.KindHello && e.Hello != nil && r.Hello != nil:
			r.again++
		case e.Kind == wire.KindHello && e.Hello != nil:
			r.Hello = e.Hello
		case e.Kind == wire.KindStart:
			r.Running = e.Probe
			w.reach(ProbeBegun)
			if w.asked != nil {
				w.asked(e.Probe)
			}
		case e.Kind == wire.KindFinding && e.Finding != nil:
			r.Findings = append(r.Findings, *e.Finding)
			r.Running = ""
		}
	}
	r.Phases.Done = time.Since(w.start).Seconds()
	w.channelClosed()
	if _, done := s.ended(); done {
		w.reach(Done)
	}
}

// finish settles what the boot came to, once every reader has ended.
func (r *Result) finish(s *decoder, w *watchdog, waitErr error, quit bool, said string) {
	r.Console = append([]byte{}, r.capture.log.Bytes()...) // not nil, though it may be empty
	log := console.Read(r.Console)
	sent, done := s.ended()
	facts := console.Facts{
		Done: done, Events: sent, Running: r.Running, Flood: r.capture.flooded() || s.flooded(),
		Killed: w.killed, Idle: w.idle, Message: said,
	}
	if exit := new(exec.ExitError); errors.As(waitErr, &exit) {
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			facts.Signal = unix.SignalName(ws.Signal())
		} else {
			facts.Exit = exit.ExitCode()
		}
	} else {
		facts.Quit = quit && !errors.Is(waitErr, errHeld) // any other error is of the event channel
	}
	r.Outcome, r.Reason = console.Classify(log, facts)
	r.Notices = append(log.Notices, s.notices()...)
	switch held := errors.Is(waitErr, errHeld); {
	case held && done:
		r.Notices = append(r.Notices, waitErr.Error())
	case held:
		r.Outcome, r.Reason = record.QEMUFailed, waitErr.Error()
	}
	if r.again > 0 {
		r.Notices = append(r.Notices, fmt.Sprintf("the guest said hello %d times; the first counts", 1+r.again))
	}
	if r.Outcome == record.Panicked || r.Outcome == record.InitFailed {
		r.Task, r.Trace = log.PanicTask, log.Trace
	}
	if !r.Outcome.RigFault() && !strings.Contains(said, "warning:") { // else the reason has it
		r.Said = said
	}
	if n := console.End(log, facts); n != "" {
		r.Notices = append(r.Notices, n)
	}
	if !done {
		r.Phases.Done = 0
	}
	r.Phases.Exit = max(r.Phases.Exit, r.Phases.Done) // two readers of one end
	r.Phases.FirstByte = r.capture.firstByte.Seconds()
	r.Phases.Banner = r.capture.banner.Seconds()
	r.Phases.Init = r.capture.init.Seconds()
	if w.away > 0 {
		r.Phases = record.Phases{}
		r.Notices = append(r.Notices, fmt.Sprintf("netstrip did not run for %s of this boot, stopped or starved, so that no times are recorded", w.away.Round(time.Second/10)))
	}
}

// tail keeps the last of what is written to it; vmtest closes it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - 4096; over > 4096 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) Close() error { return nil }

// String returns QEMU's last line that is more than a warning, and what is wrong with KVM
// before the registers that QEMU then lists.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := ""
	for line := range strings.Lines(t.buf.String()) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "KVM") {
			return line
		}
		if line != "" && (last == "" || !strings.Contains(line, "warning:")) {
			last = line
		}
	}
	return last
}

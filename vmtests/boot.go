package vmtests

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

// guest is what one boot needs.
type guest struct {
	machine
	qemu          string // path of the QEMU program
	kernel, image string // paths of kernel and initramfs
	limits        limits
	// reached, if set, is told of each stage, and which process QEMU is.
	reached func(s stage, qemu int)
	// asked, if set, is told of each probe that begins.
	asked func(id string)
}

// result is what one boot gave.
type result struct {
	outcome  record.Outcome
	reason   string
	notices  []string
	task     string
	trace    []string
	phases   record.Phases
	hello    *wire.Hello
	again    int // hellos after the first, which change nothing
	findings []wire.Finding
	running  string
	said     string // by QEMU, of what it suffered and lived on with
	console  *capture
	started  time.Time
}

// boot runs one guest to its end. A fault of the rig is an outcome; the error is
// ctx's alone.
func boot(ctx context.Context, g guest) (result, error) {
	kernel, image, err := g.openImages()
	if err != nil {
		return result{outcome: record.ImageFailed, reason: err.Error()}, nil
	}
	defer kernel.Close()
	defer image.Close()
	var disk *os.File
	if g.disk != "" {
		if disk, err = openForQEMU(g.disk); err != nil {
			return result{outcome: record.ImageFailed, reason: "opening the disk: " + err.Error()}, nil
		}
		defer disk.Close()
	}
	e, err := openEnds()
	if err != nil {
		return result{outcome: record.QEMUFailed, reason: err.Error()}, nil
	}
	defer e.close()

	name := newName()
	w := g.watch(name)
	r := result{started: w.start, console: &capture{start: w.start, progress: w.progress, reached: w.reach}}
	events := make(chan wire.Event, 64)
	s, m := &sieve{progress: w.progress}, &monitor{}
	task, err := eventTask(s, events, e.host[1], e.host[2])
	if err != nil {
		return result{outcome: record.QEMUFailed, reason: err.Error()}, nil
	}
	var said tail
	vm, err := qemu.StartContext(ctx, qemu.ArchAMD64, g.configure(name, e, [3]*os.File{kernel, image, disk}, &said, task))
	if err != nil {
		return result{outcome: record.QEMUFailed, reason: "QEMU did not start: " + err.Error()}, ctx.Err()
	}
	e.closeGuest()
	w.reach(stageStarted)
	var readers sync.WaitGroup
	readers.Go(func() { r.console.read(e.host[0]) })
	readers.Go(func() { r.consume(events, w, s) })
	readers.Go(func() { m.read(e.host[3]) })
	exit := make(chan error, 1)
	go func() { exit <- leader{vm, name, e.host[4]}.wait() }()
	waitErr := w.run(vm, exit, func() bool { return r.console.flooded() || s.flooded() })
	r.phases.Exit = time.Since(w.start).Seconds()
	if errors.Is(waitErr, errHeld) {
		e.close() // the readers would wait for ever
	}
	readers.Wait()
	if ctx.Err() != nil {
		return result{}, ctx.Err()
	}
	r.finish(s, w, waitErr, m.quit(), said.String())
	return r, nil
}

// configure sets up vmtest's options, all of them: whatever VMTEST_ variables the
// environment holds must not change what is measured.
// Of the files, kernel, initramfs and disk, the last may be none.
func (g guest) configure(name string, e *ends, files [3]*os.File, said *tail, task qemu.Task) qemu.Fn {
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
		o.AppendQEMU(append(append([]string{"env", "-i", bootEnv + "=" + name}, process.Environ(qemuProgram)...), confine(g.accel, id)...)...)
		o.AppendQEMU(g.qemu)
		o.AppendQEMU(sandbox()...)
		o.AppendQEMU("-name", name)
		o.AppendQEMU(g.args(w)...)
		return nil
	}
}

// command is the boot as a line to paste.
func (g guest) command() string {
	args := append([]string{"qemu-system-x86_64"}, sandbox()...)
	return shellQuote(append(args, g.args(pasteWiring(g.kernel, g.image, g.disk))...))
}

// consume takes the guest's events until "done" or the guest's end.
func (r *result) consume(events <-chan wire.Event, w *watch, s *sieve) {
	for e := range events {
		if r.phases.FirstEvent == 0 {
			r.phases.FirstEvent = time.Since(w.start).Seconds()
			r.phases.GuestStart = e.Uptime
		}
		switch {
		case e.Kind == wire.KindHello && e.Hello != nil && r.hello != nil:
			r.again++
		case e.Kind == wire.KindHello && e.Hello != nil:
			r.hello = e.Hello
		case e.Kind == wire.KindStart:
			r.running = e.Probe
			w.reach(stageProbe)
			if w.asked != nil {
				w.asked(e.Probe)
			}
		case e.Kind == wire.KindFinding && e.Finding != nil:
			r.findings = append(r.findings, *e.Finding)
			r.running = ""
		}
	}
	r.phases.Done = time.Since(w.start).Seconds()
	w.channelClosed()
	if _, done := s.ended(); done {
		w.reach(stageDone)
	}
}

// finish settles what the boot came to, once every reader has ended.
func (r *result) finish(s *sieve, w *watch, waitErr error, quit bool, said string) {
	log := console.Read(r.console.log.Bytes())
	sent, done := s.ended()
	facts := console.Facts{
		Done: done, Events: sent, Running: r.running, Flood: r.console.flooded() || s.flooded(),
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
	r.outcome, r.reason = console.Classify(log, facts)
	r.notices = append(log.Notices, s.notices()...)
	switch held := errors.Is(waitErr, errHeld); {
	case held && done:
		r.notices = append(r.notices, waitErr.Error())
	case held:
		r.outcome, r.reason = record.QEMUFailed, waitErr.Error()
	}
	if r.again > 0 {
		r.notices = append(r.notices, fmt.Sprintf("the guest said hello %d times; the first counts", 1+r.again))
	}
	var doubtful []string
	r.findings, doubtful = settle(r.findings)
	r.notices = append(r.notices, doubtful...)
	if r.outcome == record.Panicked || r.outcome == record.InitFailed {
		r.task, r.trace = log.PanicTask, log.Trace
	}
	if !r.outcome.RigFault() && !strings.Contains(said, "warning:") { // else the reason has it
		r.said = said
	}
	if n := console.End(log, facts); n != "" {
		r.notices = append(r.notices, n)
	}
	if !done {
		r.phases.Done = 0
	}
	r.phases.Exit = max(r.phases.Exit, r.phases.Done) // two readers of one end
	r.phases.FirstByte = r.console.firstByte.Seconds()
	r.phases.Banner = r.console.banner.Seconds()
	r.phases.Init = r.console.init.Seconds()
	if w.away > 0 {
		r.phases = record.Phases{}
		r.notices = append(r.notices, fmt.Sprintf("netstrip did not run for %s of this boot, stopped or starved, so that no times are recorded", w.away.Round(time.Second/10)))
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

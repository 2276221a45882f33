//go:build linux

// Package jobguest runs a user's program for a session, and finds out how it ended. It runs in the
// guest, as root; its tests also run on the host.
//
// The program runs in a sandbox: the child of a process that is number 1 of its own PID namespace,
// over the files that the host has put into the initramfs, with the applications' disk below if
// there is one. When the program ends, the kernel kills everything that it has started. A kernel
// without PID namespaces keeps those processes until it reboots, which follows.
//
// For the system call that decides, the host boots once more and asks for a trace: the first run
// must not be slowed down, and the second must not find what the first has left.
package jobguest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/session"
	"github.com/netstrip/netstrip/initramfs/trace"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/initramfs/wire/duplex"
)

// Exit codes other than the program's, as those of timeout(1), env(1) and shells.
const codeLimit, codeNotExecutable, codeNotFound, codeSignal = 124, 126, 127, 128

// errOutput is why a program that prints too much is killed.
var errOutput = errors.New("too much output")

// run is one run of a job.
type run struct {
	duplex.Job
	*session.Session
	root  string // of the program, in this mount namespace
	tail  trace.Tail
	bytes atomic.Int64
}

// Run runs the job of a session, sends the files that the host wants back, and returns what was
// found. The caller ends the session.
func Run(s *session.Session) (wire.Finding, duplex.Ending) {
	begin := time.Now()
	r := &run{Job: *s.Request.Job, Session: s}
	exit, calls, err := r.all()
	if err != nil {
		exit = wire.Exit{Code: codeNotExecutable, Unstarted: err.Error()}
	}
	f := finding(exit, calls)
	f.ID, f.Micros = r.ID, time.Since(begin).Microseconds()
	return f, duplex.Ending{Status: exit.Code}
}

// all prepares the root, runs the program in it and sends its files back.
func (r *run) all() (wire.Exit, decision, error) {
	if err := r.prepare(); err != nil {
		return wire.Exit{}, decision{}, fmt.Errorf("preparing the root: %w", err)
	}
	before := r.snapshot()
	exit, d, err := r.sandboxed()
	if err != nil {
		return exit, d, err
	}
	if err := r.sendBack(before); err != nil {
		exit.Note = err.Error()
	}
	return exit, d, nil
}

// decision is the call that decided, if there is one.
type decision struct {
	call trace.Call
	ok   bool
}

// sandboxed runs the program in a sandbox.
func (r *run) sandboxed() (exit wire.Exit, d decision, err error) {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	limit := r.Limit(r.Trace) - duplex.JobSlack
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r.Tap = func(p []byte) bool {
		_, _ = r.tail.Write(p) // it takes everything
		over := r.bytes.Add(int64(len(p))) > r.MaxOutput
		if over {
			stop(errOutput)
		}
		return !over && !r.Trace
	}
	reports, calls, err := r.start(ctx)
	if err != nil {
		return exit, d, err
	}
	var last report
	for in := json.NewDecoder(bytes.NewReader(reports)); in.Decode(&last) == nil; {
	}
	exit = last.exit()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errOutput):
		exit = wire.Exit{Code: codeLimit, Limit: fmt.Sprintf("ended: it printed more than %d MiB", r.MaxOutput>>20)}
	case errors.Is(cause, context.DeadlineExceeded):
		exit = wire.Exit{Code: codeLimit, Limit: fmt.Sprintf("ended at the time limit of %s", limit)}
	case last == report{}:
		return exit, d, errors.New("the sandbox ended without a report")
	}
	if said := trace.Telling(r.tail.String()); !strings.ContainsRune(said, 0) { // binary output is not quoted
		exit.Said = said
	}
	if r.Trace {
		d.call, d.ok = trace.Decisive(calls, last.PID, map[int]string{last.PID: exit.Said})
	}
	return exit, d, nil
}

// start starts the sandbox, waits for its end, and returns what it reported.
func (r *run) start(ctx context.Context) ([]byte, []trace.Call, error) {
	cmd := exec.Command("/proc/self/exe", SandboxArg)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces(), Pdeathsig: unix.SIGKILL}
	cmd.Env = []string{"GOMAXPROCS=1"}
	if err := r.Attach(cmd); err != nil {
		return nil, nil, err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	defer out.Close()
	cmd.ExtraFiles = []*os.File{out}
	if err := r.writeOrder(); err != nil {
		return nil, nil, err
	}
	var calls []trace.Call
	if r.Trace {
		calls, err = trace.Run(ctx, cmd, true)
	} else if err = cmd.Start(); err == nil {
		r.Deliver(func(s unix.Signal) { _ = unix.Kill(cmd.Process.Pid, s) }) // it may have ended
		kill := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // its report says how the program ended
		kill()
	}
	r.Ended(nil)
	if err != nil {
		return nil, nil, fmt.Errorf("starting the sandbox: %w", err)
	}
	out.Close()
	reports := make([]byte, 64<<10)
	n, _ := in.Read(reports) // nothing, if it was killed early
	return reports[:n], calls, nil
}

// namespaces returns the flags of clone(2) for the namespaces that this kernel has.
func namespaces() uintptr {
	flags := uintptr(unix.CLONE_NEWNS)
	for file, flag := range map[string]uintptr{"pid": unix.CLONE_NEWPID, "uts": unix.CLONE_NEWUTS, "ipc": unix.CLONE_NEWIPC} {
		if _, err := os.Stat("/proc/self/ns/" + file); err == nil {
			flags |= flag
		}
	}
	return flags
}

// finding judges how a program ended. Only a call that decided shows that something is absent: a
// program may fail for reasons of its own.
func finding(exit wire.Exit, d decision) wire.Finding {
	f := wire.Finding{Verdict: wire.Inconclusive, Value: exit.String(), Detail: exit.String(), Exit: &exit}
	if d.ok {
		f.Call, f.Errno = d.call.Text, probes.ErrnoName(d.call.Errno)
	}
	switch {
	case exit.Code == 0:
		f.Verdict, f.Value, exit.Said = wire.Works, "", ""
	case exit.Limit != "" || exit.Unstarted != "" || exit.Signal == "SIGKILL":
		f.Value = ""
	default:
		f.Detail = "" // the value says it
		if d.ok {
			f.Verdict = wire.Absent
		}
	}
	if exit.Said != "" && exit.Code != 0 {
		f.Detail = strings.TrimPrefix(f.Detail+wire.AppSaid, "; ") + exit.Said
	}
	return f
}

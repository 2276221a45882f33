//go:build linux && amd64

// Package trace runs a command under ptrace(2), with everything it starts, keeps the
// system calls that failed, and picks from those the one that decided. It runs in the
// guest; its tests also run on the host.
//
// It stops at every system call, because a seccomp filter, which could single out a few,
// is not to be had on a kernel without NET (arch/Kconfig:611). u-root's pkg/strace is not
// taken: it leaves a child stopped for good whose first stop comes before its parent's
// event, as on two processors it does, and cannot leave the starter itself alone.
package trace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Call is a system call that failed.
type Call struct {
	// Text is the call as in a manual page: "socket(AF_INET, SOCK_STREAM)".
	Text string
	// Errno is its error number.
	Errno syscall.Errno
	// Command is the process, by its number in its own PID namespace, that the traced
	// program started and that this call was made by or below; the traced program's own
	// where that was not a starter.
	Command int

	network bool // it is one of the network's
}

// options is what the kernel is to tell of, and that nothing outlives the tracer.
const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL |
	unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE

// Run runs cmd to its end and gives the calls that failed, each once for a command, in
// the order of their last occurrence. A starter only starts others: its own calls are
// passed over. What cmd leaves running, and cmd itself when ctx ends, is killed. The error
// is that tracing was not possible; how cmd ends is not looked at. cmd's standard streams
// must be files.
func Run(ctx context.Context, cmd *exec.Cmd, starter bool) ([]Call, error) {
	var calls []Call
	done := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and its tracees with it.
		runtime.LockOSThread()
		if err := onOneProcessor(); err != nil {
			done <- err
			return
		}
		t := &tracer{starter: starter, tasks: map[int]*task{}}
		err := t.run(ctx, cmd)
		calls = t.log.calls()
		done <- err
	}()
	if err := <-done; err != nil {
		return nil, fmt.Errorf("tracing %s: %w", cmd.Path, err)
	}
	return calls, nil
}

// onOneProcessor keeps this thread, and with it all that it will start, on one processor.
// Tracer and tracee take turns, and to wake the other on another processor takes far
// longer than to switch to it: under emulation, on a busy host, a hundred times.
func onOneProcessor() error {
	var may, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	for cpu := range len(may) * 64 {
		if may.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &one))
}

// tracer is one run. All of it belongs to one thread, the only one that may give the
// kernel orders about its tracees.
type tracer struct {
	starter bool
	root    int
	tasks   map[int]*task
	log     log
}

// task is a thread under trace.
type task struct {
	command int  // see Call
	on      bool // its calls are looked at
	known   bool // its parent's event has come
	held    bool // it waits for that event
	nr      int  // the call that it is in
}

func (t *tracer) run(ctx context.Context, cmd *exec.Cmd) error {
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.Ptrace = true
	cmd.SysProcAttr = &attr
	if err := cmd.Start(); err != nil {
		return err
	}
	defer cmd.Process.Release() // wait4 below takes its end
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	t.root = cmd.Process.Pid
	t.tasks[t.root] = &task{known: true, on: !t.starter, command: ownPID(t.root)}
	if t.starter {
		t.tasks[t.root].command = 0
	}
	if _, err := t.wait(t.root); err != nil {
		return err
	}
	if err := unix.PtraceSetOptions(t.root, options); err != nil {
		return os.NewSyscallError("ptrace(PTRACE_SETOPTIONS)", err)
	}
	t.resume(t.root, 0)
	for {
		ended, err := t.wait(-1)
		if err != nil || ended == t.root {
			return err
		}
	}
}

// wait waits for the next event of pid, of any tracee for -1, and deals with it. It gives
// the task that ended, if one did.
func (t *tracer) wait(pid int) (ended int, err error) {
	var ws unix.WaitStatus
	for {
		// Children of other threads are somebody else's.
		got, err := unix.Wait4(pid, &ws, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, os.NewSyscallError("wait4", err)
		case !ws.Stopped():
			delete(t.tasks, got)
			return got, nil
		case pid == -1:
			t.stopped(got, ws)
		}
		return 0, nil
	}
}

// stopped deals with a stop and lets the task go on.
func (t *tracer) stopped(pid int, ws unix.WaitStatus) {
	this := t.task(pid)
	signal := int(ws.StopSignal())
	switch {
	case !this.known:
		this.held = true // this is its first stop
		return
	case signal == int(unix.SIGTRAP|0x80):
		if this.on {
			t.syscall(pid, this)
		}
		signal = 0
	case ws>>16 != 0: // an event, which TrapCause gives for SIGTRAP alone
		t.event(pid, this, int(ws>>16))
		signal = 0
	case this.held && signal == int(unix.SIGSTOP):
		signal = 0 // the stop with which a new tracee begins
	}
	this.held = false
	t.resume(pid, signal)
}

func (t *tracer) task(pid int) *task {
	if t.tasks[pid] == nil {
		t.tasks[pid] = &task{}
	}
	return t.tasks[pid]
}

// resume lets a task go on. That it has been killed meanwhile is in order.
func (t *tracer) resume(pid, signal int) {
	if t.tasks[pid].on {
		_ = unix.PtraceSyscall(pid, signal)
	} else {
		_ = unix.PtraceCont(pid, signal)
	}
}

// event deals with a new task or a new program.
func (t *tracer) event(pid int, this *task, event int) {
	if event == unix.PTRACE_EVENT_EXEC {
		if pid != t.root && !this.on {
			this.on, this.command = true, ownPID(pid)
		}
		return
	}
	msg, err := unix.PtraceGetEventMsg(pid)
	if err != nil {
		return // killed; so is the new one
	}
	child := t.task(int(msg))
	child.known, child.on, child.command = true, this.on, this.command
	if child.held {
		child.held = false
		t.resume(int(msg), 0)
	} else {
		child.held = true // its SIGSTOP is still to come
	}
}

// entryStop and exitStop are what op of ptrace_syscall_info says at the two ends of a call
// (PTRACE_SYSCALL_INFO_ENTRY and _EXIT), getSyscallInfo the request that gives it; since
// Linux 5.3.
const entryStop, exitStop, getSyscallInfo = 1, 2, 0x420e

// syscallInfo is struct ptrace_syscall_info (include/uapi/linux/ptrace.h:80).
type syscallInfo struct {
	op     uint8
	_      [3]uint8
	arch   uint32
	ip, sp uint64
	value  int64 // the call's number at its entry, what it returns at its exit
	failed uint8 // at its exit
	_      [55]uint8
}

// syscall keeps the call that a task has just ended, if it failed.
func (t *tracer) syscall(pid int, this *task) {
	var info syscallInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(pid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	switch {
	case errno != 0:
	case info.op == entryStop:
		this.nr = int(info.value)
	case info.op != exitStop:
	case info.failed != 0:
		// What is above are the kernel's own numbers for "do it again" (linux/errno.h).
		if errno = syscall.Errno(-info.value); errno < 512 && !passing(errno) {
			if args, nr, ok := registers(pid); ok {
				text, network := describe(nr, args)
				t.log.add(Call{text, errno, this.command, network})
			}
		}
	case this.nr == unix.SYS_RECVMSG || this.nr == unix.SYS_RECVFROM:
		if args, nr, ok := registers(pid); ok {
			if errno := args.netlinkError(nr, int(info.value)); errno != 0 {
				t.log.add(Call{name(nr) + "(AF_NETLINK, NLMSG_ERROR)", errno, this.command, true})
			}
		}
	}
}

// registers gives the call that a task stands at the end of.
func registers(pid int) (args arguments, nr int, ok bool) {
	var regs unix.PtraceRegs
	if unix.PtraceGetRegs(pid, &regs) != nil {
		return args, 0, false
	}
	args = arguments{pid: pid, v: [6]uint64{regs.Rdi, regs.Rsi, regs.Rdx, regs.R10, regs.R8, regs.R9}}
	return args, int(regs.Orig_rax), true
}

// passing are the errors that only ask for patience.
func passing(e syscall.Errno) bool {
	return e == unix.EAGAIN || e == unix.EINTR || e == unix.EINPROGRESS || e == unix.EALREADY || e == unix.ECHILD
}

// ownPID is a process's number in its own PID namespace.
func ownPID(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, ok := bytes.Cut(status, []byte("\nNSpid:"))
	if err != nil || !ok { // without PID namespaces there is one number
		return pid
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	fields := bytes.Fields(line)
	own, err := strconv.Atoi(string(fields[len(fields)-1]))
	if err != nil {
		return pid
	}
	return own
}

//go:build linux && amd64

// Package trace runs a command under ptrace(2), with everything it starts, keeps the
// system calls that failed, and picks from those the one that decided. It runs in the
// guest; its tests also run on the host.
//
// What io_uring does for a program is no system call and is not seen.
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
	command int             // see Call
	on      bool            // its calls are looked at
	known   bool            // its parent's event has come
	held    unix.WaitStatus // its first stop, where it waits for that event
	nr      int             // the call that it is in
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
	if ended, err := t.seize(); err != nil || ended {
		return err
	}
	for {
		pid, ws, err := wait(-1, 0)
		switch {
		case err != nil:
			return err
		case ws.Stopped():
			t.stopped(pid, ws)
		case pid == t.root:
			return nil
		default:
			delete(t.tasks, pid)
		}
	}
}

// seize takes the root over with PTRACE_SEIZE, of which Go's os/exec knows nothing: only
// of what was seized the kernel says that a stop is one of the whole group, which must
// last until SIGCONT comes (ptrace(2), "Group-stop"). The root stands at its first
// instruction, traced the old way. It is let go stopped, seized, and continued.
func (t *tracer) seize() (ended bool, err error) {
	request := func(number, data int) func() error {
		return func() error {
			if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(number), uintptr(t.root), 0, uintptr(data), 0, 0); errno != 0 {
				return os.NewSyscallError("ptrace", errno)
			}
			return nil
		}
	}
	for _, step := range []func() error{
		request(unix.PTRACE_DETACH, int(unix.SIGSTOP)),
		request(unix.PTRACE_SEIZE, options),
		func() error { return os.NewSyscallError("kill", unix.Kill(t.root, unix.SIGCONT)) },
	} {
		_, ws, err := wait(t.root, unix.WUNTRACED)
		if err != nil || !ws.Stopped() {
			return true, err
		}
		if err := step(); errors.Is(err, unix.ESRCH) {
			continue // killed meanwhile; its end comes next
		} else if err != nil {
			_ = unix.Kill(t.root, unix.SIGKILL)
			_, _, _ = wait(t.root, 0)
			return true, err
		}
	}
	t.resume(t.root, 0)
	return false, nil
}

// wait waits for the next event of pid, of any tracee for -1. Children of other threads are
// somebody else's.
func wait(pid, options int) (got int, ws unix.WaitStatus, err error) {
	for {
		got, err = unix.Wait4(pid, &ws, unix.WALL|unix.WNOTHREAD|options, nil)
		if !errors.Is(err, unix.EINTR) {
			return got, ws, os.NewSyscallError("wait4", err)
		}
	}
}

// stopped deals with a stop and lets the task go on, if it is one to go on from.
func (t *tracer) stopped(pid int, ws unix.WaitStatus) {
	this := t.task(pid)
	signal, event := int(ws.StopSignal()), int(ws>>16) // TrapCause knows events of SIGTRAP alone
	switch {
	case !this.known:
		this.held = ws // this is its first stop
		return
	case signal == int(unix.SIGTRAP|0x80):
		if this.on {
			t.syscall(pid, this)
		}
		signal = 0
	case event == unix.PTRACE_EVENT_STOP && signal != int(unix.SIGTRAP):
		// It was stopped by a signal, with its whole group, and stays so until it is
		// continued. That it has been killed meanwhile is in order.
		_, _, _ = unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_LISTEN, uintptr(pid), 0, 0, 0, 0)
		return
	case event != 0:
		t.event(pid, this, event)
		signal = 0
	}
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
	switch event {
	case unix.PTRACE_EVENT_STOP: // a new task begins with it, and what was continued goes on
		return
	case unix.PTRACE_EVENT_EXEC:
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
	if child.held != 0 {
		t.stopped(int(msg), child.held)
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
	case this.nr == unix.SYS_GETSOCKOPT:
		if args, _, ok := registers(pid); ok {
			if errno := args.socketError(); errno != 0 && !passing(errno) {
				t.log.add(Call{"getsockopt(SOL_SOCKET, SO_ERROR)", errno, this.command, true})
			}
		}
	}
}

// registers returns the call that a task stands at the end of.
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

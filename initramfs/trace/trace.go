//go:build linux

// Package trace runs a command and all its descendants under ptrace(2), keeps the system
// calls that failed, and picks the one that decided. It runs in the guest; its tests also
// run on the host.
//
// Operations that a program submits through io_uring are not seen.
//
// It stops at every system call. A seccomp filter could select a few, but a kernel without
// NET has none (arch/Kconfig:611). u-root's pkg/strace does not fit: it leaves a child
// stopped for ever whose first stop arrives before its parent's event, which happens on two
// processors, and it cannot exempt the starter itself.
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
	// Command identifies the command that made the call, itself or through a descendant: the
	// PID, in its own PID namespace, of the process that the starter started, or of the
	// traced program if it is not a starter.
	Command int

	network bool // it concerns the network
}

// options selects the events that the kernel reports; EXITKILL kills the tracees when the
// tracer ends.
const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL |
	unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE

// Run runs cmd until it ends and returns the calls that failed, each once per command, in
// the order of their last occurrence. A starter only starts other commands, and its own
// calls are ignored. Processes that cmd leaves running are killed, and cmd too when ctx
// ends. An error means that tracing was not possible; cmd's exit status is ignored. cmd's
// standard streams must be files.
func Run(ctx context.Context, cmd *exec.Cmd, starter bool) ([]Call, error) {
	var calls []Call
	done := make(chan error)
	go func() {
		// Never unlocked: the thread must end with the goroutine, and its tracees with it.
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

// onOneProcessor pins this thread, and everything it will start, to one processor. Tracer
// and tracee take turns, and waking the other one on another processor takes up to a
// hundred times as long as a switch, under emulation on a busy host.
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

// tracer is the state of one run. Only the thread that created it may use it, because
// ptrace requests must come from the tracing thread.
type tracer struct {
	starter bool
	root    int
	tasks   map[int]*task
	log     log
}

// task is a traced thread.
type task struct {
	command int             // see Call
	on      bool            // its calls are recorded
	known   bool            // its parent's event has arrived
	held    unix.WaitStatus // its first stop, if that arrived before the parent's event
	call    string          // the name of its current call
	args    arguments       // the arguments of that
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
	defer cmd.Process.Release() // wait4 below reaps it
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

// seize attaches to the root with PTRACE_SEIZE, which os/exec cannot do: the kernel reports
// group stops, which must last until SIGCONT, only for seized tasks (ptrace(2),
// "Group-stop"). The root is stopped at its first instruction under PTRACE_TRACEME. It is
// detached stopped, seized, and continued.
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
			continue // killed meanwhile; wait returns its end next
		} else if err != nil {
			_ = unix.Kill(t.root, unix.SIGKILL)
			_, _, _ = wait(t.root, 0)
			return true, err
		}
	}
	t.resume(t.root, 0)
	return false, nil
}

// wait waits for the next event of pid, or of any tracee if pid is -1. It ignores children
// of other threads.
func wait(pid, options int) (got int, ws unix.WaitStatus, err error) {
	for {
		got, err = unix.Wait4(pid, &ws, unix.WALL|unix.WNOTHREAD|options, nil)
		if !errors.Is(err, unix.EINTR) {
			return got, ws, os.NewSyscallError("wait4", err)
		}
	}
}

// stopped handles a stop and resumes the task, unless the stop must last.
func (t *tracer) stopped(pid int, ws unix.WaitStatus) {
	this := t.task(pid)
	signal, event := int(ws.StopSignal()), int(ws>>16) // TrapCause covers only SIGTRAP
	switch {
	case !this.known:
		this.held = ws
		return
	case signal == int(unix.SIGTRAP|0x80):
		if this.on {
			t.syscall(pid, this)
		}
		signal = 0
	case event == unix.PTRACE_EVENT_STOP && signal != int(unix.SIGTRAP):
		// A group stop, which lasts until SIGCONT. The error, if it has been killed
		// meanwhile, does not matter.
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

// resume resumes a task. The error, if it has been killed meanwhile, does not matter.
func (t *tracer) resume(pid, signal int) {
	if t.tasks[pid].on {
		_ = unix.PtraceSyscall(pid, signal)
	} else {
		_ = unix.PtraceCont(pid, signal)
	}
}

// event handles a new task or a new program.
func (t *tracer) event(pid int, this *task, event int) {
	switch event {
	case unix.PTRACE_EVENT_STOP: // the first stop of a new task, or the end of a group stop
		return
	case unix.PTRACE_EVENT_EXEC:
		if pid != t.root && !this.on {
			this.on, this.command = true, ownPID(pid)
		}
		return
	}
	msg, err := unix.PtraceGetEventMsg(pid)
	if err != nil {
		return // killed, and the new task with it
	}
	child := t.task(int(msg))
	child.known, child.on, child.command = true, this.on, this.command
	if child.held != 0 {
		t.stopped(int(msg), child.held)
	}
}

// getSyscallInfo is PTRACE_GET_SYSCALL_INFO (Linux 5.3), which is the same on every
// architecture; entryStop and exitStop are the values of op in its result
// (PTRACE_SYSCALL_INFO_ENTRY and _EXIT).
const entryStop, exitStop, getSyscallInfo = 1, 2, 0x420e

// syscallInfo is struct ptrace_syscall_info (include/uapi/linux/ptrace.h:80).
type syscallInfo struct {
	op     uint8
	_      [3]uint8
	arch   uint32
	ip, sp uint64
	value  int64     // the call's number at its entry, its return value at its exit
	args   [6]uint64 // valid at its entry
	_      [8]uint8
}

// syscall records the call that a task has just finished, if it failed. It keeps the arguments
// from the call's entry, because the return value replaces the first one on most architectures.
func (t *tracer) syscall(pid int, this *task) {
	var info syscallInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(pid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	switch {
	case errno != 0:
	case info.op == entryStop:
		this.call, this.args = name(int(info.value)), arguments{pid, info.args}
	case info.op != exitStop || this.call == "": // it has entered the call untraced
	case this.call == "rt_sigreturn": // it restores the register that returns a result
	case info.value < 0 && info.value > -maxErrno:
		// Numbers from 512 on are the kernel's internal restart codes (linux/errno.h).
		if errno = syscall.Errno(-info.value); errno < 512 && !passing(errno) && !optional(this.call, errno) {
			text, network := describe(this.call, this.args)
			t.log.add(Call{text, errno, this.command, network})
		}
	case this.call == "recvmsg" || this.call == "recvfrom":
		if errno := this.args.netlinkError(this.call, int(info.value)); errno != 0 {
			t.log.add(Call{this.call + "(AF_NETLINK, NLMSG_ERROR)", errno, this.command, true})
		}
	case this.call == "getsockopt":
		if errno := this.args.socketError(); errno != 0 && !passing(errno) {
			t.log.add(Call{"getsockopt(SOL_SOCKET, SO_ERROR)", errno, this.command, true})
		}
	}
}

// maxErrno is MAX_ERRNO (include/linux/err.h:18): smaller negative return values are addresses.
const maxErrno = 4096

// passing reports whether an errno only means "not yet".
func passing(e syscall.Errno) bool {
	return e == unix.EAGAIN || e == unix.EINTR || e == unix.EINPROGRESS || e == unix.EALREADY || e == unix.ECHILD
}

// optional reports whether every program makes the call when it starts, and does without it on a
// kernel that lacks it: the C library's thread initialization.
func optional(call string, e syscall.Errno) bool {
	return e == unix.ENOSYS && (call == "rseq" || call == "set_robust_list")
}

// ownPID returns the PID of a process in its own PID namespace.
func ownPID(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, ok := bytes.Cut(status, []byte("\nNSpid:"))
	if err != nil || !ok { // a kernel without PID_NS has no NSpid line
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

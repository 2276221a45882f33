//go:build linux

package jobguest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/appguest"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/initramfs/wire/duplex"
)

// SandboxArg as the first argument makes the guest program a sandbox: it must call Sandboxed.
const SandboxArg = "program"

// reportFD is the descriptor to which a sandbox writes its reports, orderFile the file with what it
// is to do.
const (
	reportFD  = 3
	orderFile = "/order.json"
)

// report is what a sandbox says: once when the program has started, and once when it has ended.
type report struct {
	// PID is the program's, in its own namespace. Status is how it ended (wait(2)).
	PID    int    `json:"pid,omitempty"`
	Ended  bool   `json:"ended,omitempty"`
	Status uint32 `json:"status,omitempty"`
	// Code is the exit code of a program that could not be started, and Why the reason.
	Code int    `json:"code,omitempty"`
	Why  string `json:"why,omitempty"`
}

// exit returns how the program ended, by the sandbox's last report.
func (r report) exit() wire.Exit {
	ws := syscall.WaitStatus(r.Status)
	switch {
	case r.Why != "":
		return wire.Exit{Code: r.Code, Unstarted: r.Why}
	case !r.Ended:
		return wire.Exit{Code: codeSignal + int(unix.SIGKILL), Signal: "SIGKILL"} // the sandbox was killed
	case ws.Signaled():
		return wire.Exit{Code: codeSignal + int(ws.Signal()), Signal: unix.SignalName(ws.Signal())}
	}
	return wire.Exit{Code: ws.ExitStatus()}
}

// order is what a sandbox is to do.
type order struct {
	wire.Command
	Root     string
	UID, GID int
}

func (r *run) writeOrder() error {
	text, err := json.Marshal(order{r.Request.Command, r.root, r.UID, r.GID})
	if err != nil {
		return err
	}
	return os.WriteFile(orderFile, text, 0o600)
}

// prepare makes the root of the program.
func (r *run) prepare() error {
	keepThreads()
	if err := os.MkdirAll(duplex.JobRoot, 0o755); err != nil {
		return err
	}
	r.root = duplex.JobRoot
	if r.Disk {
		if err := appguest.Mount(); err != nil {
			return err
		}
		var err error
		if r.root, err = appguest.Overlay("/layers", duplex.JobRoot, appguest.Disk); err != nil {
			return err
		}
	} else if err := unix.Mount(r.root, r.root, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting the root: %w", err)
	}
	for _, dir := range []string{"/tmp", "/run", r.Request.Dir, r.Request.Env["HOME"]} {
		if err := os.MkdirAll(filepath.Join(r.root, dir), 0o755); err != nil {
			return err
		}
	}
	if r.UID != 0 {
		r.give(r.Request.Dir)
		r.give(r.Request.Env["HOME"])
	}
	return os.Chmod(filepath.Join(r.root, "tmp"), fs.ModeSticky|0o777)
}

// give makes the user the owner of a directory and of everything in it, as far as possible.
func (r *run) give(dir string) {
	if dir == "" || filepath.Clean(dir) == "/" {
		return
	}
	_ = filepath.WalkDir(filepath.Join(r.root, dir), func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			_ = os.Lchown(path, r.UID, r.GID)
		}
		return nil
	})
}

// Without a limit on processes, a program that starts them for ever takes all memory.
const (
	// threadBytes is the memory, in bytes, for each thread that may exist.
	threadBytes = 512 << 10
	// ownThreads is how many threads this program keeps for itself.
	ownThreads = 16
)

// keepThreads limits the threads of the whole system by its memory. That also limits root, unlike
// RLIMIT_NPROC (copy_process, kernel/fork.c:2298), and needs no control groups, which few of the
// kernels have. It starts this program's own threads now, since Go's runtime ends a program that
// cannot start one. It also tells the kernel to spare this program when memory runs out.
func keepThreads() {
	for range ownThreads {
		go func() { _ = unix.Nanosleep(&unix.Timespec{Nsec: 20_000_000}, nil) }()
	}
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0o644)
	var info unix.Sysinfo_t
	const file = "/proc/sys/kernel/threads-max"
	text, err := os.ReadFile(file)
	if err != nil || unix.Sysinfo(&info) != nil {
		return // a kernel without PROC_SYSCTL has only its own limit
	}
	most, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if limit := uint64(info.Totalram) * uint64(info.Unit) / threadBytes; err == nil && limit < most {
		_ = os.WriteFile(file, strconv.AppendUint(nil, limit, 10), 0o644)
	}
}

// Sandboxed is the main function of a sandbox: it runs the program of the order, and reports.
func Sandboxed() error {
	unix.CloseOnExec(reportFD)
	out := json.NewEncoder(os.NewFile(reportFD, "reports"))
	pid, err := start()
	if err != nil {
		return out.Encode(report{Code: codeOf(err), Why: err.Error()})
	}
	if err := out.Encode(report{PID: pid}); err != nil {
		return err
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH)
	go func() {
		for s := range signals {
			_ = unix.Kill(pid, s.(unix.Signal)) // it may have ended
		}
	}()
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return os.NewSyscallError("wait4", err)
		case got == pid:
			return out.Encode(report{PID: pid, Ended: true, Status: uint32(ws)})
		}
	}
}

// start enters the root and starts the program.
func start() (int, error) {
	text, err := os.ReadFile(orderFile)
	if err != nil {
		return 0, err
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return 0, err
	}
	if err := enter(o.Root); err != nil {
		return 0, fmt.Errorf("entering the root: %w", err)
	}
	if err := os.Chdir(o.Dir); err != nil {
		return 0, err
	}
	_ = os.Setenv("PATH", o.Env["PATH"]) // where exec.LookPath looks
	path, err := exec.LookPath(o.Argv[0])
	if err != nil {
		return 0, err
	}
	attr := &os.ProcAttr{Env: []string{}, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{}}
	for name, value := range o.Env {
		attr.Env = append(attr.Env, name+"="+value)
	}
	if o.UID != 0 || o.GID != 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(o.UID), Gid: uint32(o.GID)}
	}
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("0"), 0o644)
	p, err := os.StartProcess(path, o.Argv, attr)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%s is there, but its interpreter is not", path)
	}
	if err != nil {
		return 0, err
	}
	return p.Pid, nil
}

// enter makes dir the root. A kernel may lack some of the file systems that belong in it.
func enter(dir string) error {
	_ = appguest.Furnish(dir)
	return appguest.Become(dir)
}

// codeOf returns the exit code of a program that could not be started.
func codeOf(err error) int {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return codeNotFound
	}
	return codeNotExecutable
}

//go:build linux

// Package appguest starts real applications and queries each with a real client. It runs in
// the guest, as root; its tests also run on the host.
//
// One way of using one application is one probe. Run tries it in a sandbox: a process that
// is number 1 of its own PID namespace, over the applications' disk with an empty overlay,
// in the initial network namespace. When the sandbox ends, the kernel kills everything that
// was started in it and drops its mounts and files; Run removes the control groups and the
// network devices that are left. One way therefore leaves nothing behind for the next.
//
// A way that does not work is tried once more under ptrace, to find the system call that
// decided; see package trace.
package appguest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/trace"
	"github.com/netstrip/netstrip/initramfs/wire"
)

// SandboxArg as the first argument makes this program a sandbox: it must call Sandboxed
// with the arguments that follow.
const SandboxArg = "sandbox"

// Where the initramfs mounts the disk and the control groups.
const (
	Disk   = "/disk"
	groups = "/groups"
)

// reportFD is the descriptor to which a sandbox writes its outcome.
const reportFD = 3

// maxReport bounds a report, in bytes. A sandbox clips the output of its commands, so no
// honest report comes near the bound.
const maxReport = 1 << 20

// Load returns the table of applications, which is empty if the initramfs has none.
func Load() ([]wire.App, error) {
	data, err := os.ReadFile(wire.AppTable)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var apps []wire.App
	if err == nil {
		err = json.Unmarshal(data, &apps)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the table of applications: %w", err)
	}
	return apps, nil
}

// Find returns the application way with this ID.
func Find(id string) (wire.App, error) {
	apps, err := Load()
	for _, a := range apps {
		if a.ID == id {
			return a, nil
		}
	}
	return wire.App{}, errors.Join(err, fmt.Errorf("there is no application %q", id))
}

// Mount mounts the disk and the control groups, once for all applications. u-root's init
// has mounted some controllers as cgroup v1, and cgroup v2 cannot use those until they are
// unmounted.
func Mount() error {
	old, err := filepath.Glob("/sys/fs/cgroup/*")
	for _, at := range old {
		_ = unix.Unmount(at, 0) // most are not mount points
	}
	if err != nil {
		return err
	}
	if err := mount("squashfs", wire.AppDisk, Disk, unix.MS_RDONLY, ""); err != nil {
		return err
	}
	return mount("cgroup2", "cgroup2", groups, 0, "")
}

func mount(kind, from, at string, flags uintptr, data string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(from, at, kind, flags, data); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", kind, at, err)
	}
	return nil
}

// Run tries one way, and once more under ptrace if it does not work.
func Run(app wire.App) wire.Finding {
	begin := time.Now()
	devices := links()
	plain := time.Duration(app.Seconds) * time.Second
	first, _ := try(app, plain, false)
	clean(devices)
	var second outcome
	var calls []trace.Call
	if !first.Works && first.Fault == "" {
		limit := plain * wire.AppSlower
		if first.Late { // it would time out again, and the calls that matter fail early
			limit = plain
		}
		second, calls = try(app, limit, true)
		clean(devices)
	}
	f := finding(first, second, calls)
	f.ID, f.Micros = app.ID, time.Since(begin).Microseconds()
	return f
}

// namespaces are those that a sandbox does not share.
const namespaces = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// try runs a way in a new sandbox.
func try(app wire.App, limit time.Duration, traced bool) (outcome, []trace.Call) {
	cmd := exec.Command("/proc/self/exe", SandboxArg, app.ID, limit.String())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: unix.SIGKILL}
	ctx, cancel := context.WithTimeout(context.Background(), limit+wire.AppSlack)
	defer cancel()
	return report(ctx, cmd, traced)
}

// report runs a sandbox and returns its report. It reads while the sandbox runs: a report
// larger than the pipe would otherwise block the sandbox for ever.
func report(ctx context.Context, cmd *exec.Cmd, traced bool) (outcome, []trace.Call) {
	r, w, err := os.Pipe()
	if err != nil {
		return outcome{Fault: err.Error()}, nil
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stderr, os.Stderr, []*os.File{w}
	var text []byte
	var rerr error
	read := make(chan struct{})
	go func() {
		defer close(read)
		text, rerr = io.ReadAll(io.LimitReader(r, maxReport+1))
		_, _ = io.Copy(io.Discard, r)
	}()
	calls, err := wait(ctx, cmd, traced)
	w.Close()
	<-read
	switch err = errors.Join(err, rerr); {
	case err != nil:
		return outcome{Fault: "the sandbox ended: " + err.Error()}, nil
	case len(text) > maxReport:
		return outcome{Fault: fmt.Sprintf("the sandbox reported more than %d bytes", maxReport)}, nil
	}
	var o outcome
	if err := json.Unmarshal(text, &o); err != nil {
		return outcome{Fault: fmt.Sprintf("invalid report from the sandbox: %.100q", text)}, nil
	}
	return o, calls
}

// wait runs a sandbox and waits until it ends.
func wait(ctx context.Context, cmd *exec.Cmd, traced bool) ([]trace.Call, error) {
	if traced {
		return trace.Run(ctx, cmd, true)
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	return nil, cmd.Wait()
}

//go:build linux && amd64

// Package appguest starts real applications and asks each something with a real client. It
// runs in the guest, as root; its tests also run on the host.
//
// One way of using one application is one probe. Run tries it on a stage: a process that is
// number 1 of its own PID namespace, over the applications' disk with an empty overlay, in
// the initial network namespace. When the stage ends, the kernel ends all that was started
// there and drops what was mounted and written; Run itself removes the control groups and
// the network devices that are left. So no way finds anything of another.
//
// A way that does not work is tried once more under ptrace, for the system call that
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

// StageArg, as the first argument, makes this program a stage: Perform is to be called
// with the arguments after it.
const StageArg = "stage"

// Where the initramfs has the disk, and the control groups of all.
const disk, groups = "/disk", "/groups"

// reportFD is the descriptor to which a stage writes its outcome.
const reportFD = 3

// maxReport is how much of a report is kept, in bytes. What a stage passes on of its
// commands' words is bounded, so that none comes near it.
const maxReport = 1 << 20

// Load returns the table of applications; none where there is no table.
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

// Find returns the application way called id.
func Find(id string) (wire.App, error) {
	apps, err := Load()
	for _, a := range apps {
		if a.ID == id {
			return a, nil
		}
	}
	return wire.App{}, errors.Join(err, fmt.Errorf("there is no application %q", id))
}

// Mount makes the disk and the control groups ready, once for all applications. u-root's
// init has mounted some controllers in the first version, which keeps them from the second.
func Mount() error {
	old, err := filepath.Glob("/sys/fs/cgroup/*")
	for _, at := range old {
		_ = unix.Unmount(at, 0) // most are none
	}
	if err != nil {
		return err
	}
	if err := mount("squashfs", wire.AppDisk, disk, unix.MS_RDONLY, ""); err != nil {
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

// Run tries one way, a second time under ptrace if it does not work.
func Run(app wire.App) wire.Finding {
	begin := time.Now()
	devices := links()
	plain := time.Duration(app.Seconds) * time.Second
	first, _ := attempt(app, plain, false)
	clean(devices)
	var second outcome
	var calls []trace.Call
	if !first.Works && first.Fault == "" {
		limit := plain * wire.AppSlower
		if first.Late { // it would wait as long again; what fails does so early
			limit = plain
		}
		second, calls = attempt(app, limit, true)
		clean(devices)
	}
	f := finding(first, second, calls)
	f.ID, f.Micros = app.ID, time.Since(begin).Microseconds()
	return f
}

// attempt puts a way on a stage of its own.
func attempt(app wire.App, limit time.Duration, traced bool) (outcome, []trace.Call) {
	cmd := exec.Command("/proc/self/exe", StageArg, app.ID, limit.String())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:  unix.SIGKILL,
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit+wire.AppSlack)
	defer cancel()
	return report(ctx, cmd, traced)
}

// report plays a stage and returns what it reports. That is read as it comes: a stage whose
// report does not fit into a pipe would else wait for its reader, and that for its end.
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
		_, _ = io.Copy(io.Discard, r) // the rest is too much in any case
	}()
	calls, err := play(ctx, cmd, traced)
	w.Close()
	<-read
	switch err = errors.Join(err, rerr); {
	case err != nil:
		return outcome{Fault: "the stage ended: " + err.Error()}, nil
	case len(text) > maxReport:
		return outcome{Fault: fmt.Sprintf("the stage reported more than %d bytes", maxReport)}, nil
	}
	var o outcome
	if err := json.Unmarshal(text, &o); err != nil {
		return outcome{Fault: fmt.Sprintf("the stage said %.100q", text)}, nil
	}
	return o, calls
}

// play runs a stage to its end.
func play(ctx context.Context, cmd *exec.Cmd, traced bool) ([]trace.Call, error) {
	if traced {
		return trace.Run(ctx, cmd, true)
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	return nil, cmd.Wait()
}

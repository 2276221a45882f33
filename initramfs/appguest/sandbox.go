//go:build linux

package appguest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// host is the sandbox's host name, which resolves without a name server.
const host = "localhost"

// path is the sandbox's PATH.
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Sandboxed is the main function of a sandbox process: it makes the disk its root, runs the
// way with the ID args[0] within the time args[1], and reports the outcome.
func Sandboxed(args []string) error {
	if len(args) != 2 || os.Getpid() != 1 {
		return errors.New("a sandbox must be process 1 of its own namespace and takes the ID of a way and a time limit")
	}
	unix.CloseOnExec(reportFD)
	out := os.NewFile(reportFD, "report")
	o, err := inside(args[0], args[1])
	if err != nil {
		o = outcome{Fault: err.Error()}
	}
	text, err := json.Marshal(o)
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

func inside(id, limit string) (outcome, error) {
	app, err := Find(id)
	if err != nil {
		return outcome{}, err
	}
	after, err := time.ParseDuration(limit)
	if err != nil {
		return outcome{}, err
	}
	if err := enter(); err != nil {
		return outcome{}, fmt.Errorf("making the sandbox: %w", err)
	}
	if err := prepare(app); err != nil {
		return outcome{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	ctx, stop := untilStalled(ctx)
	defer stop()
	return (&attempt{began: time.Now()}).run(ctx, app), nil
}

// prepare writes the files of an application, and sets the PATH in which its programs are found.
func prepare(app wire.App) error {
	if err := os.Setenv("PATH", path); err != nil { // exec.Command searches it
		return err
	}
	for name, content := range app.Files {
		if err := writeFile(name, content); err != nil {
			return fmt.Errorf("writing the files of %s: %w", app.ID, err)
		}
	}
	return nil
}

func writeFile(name, content string) error {
	mode := os.FileMode(0o644)
	if strings.HasPrefix(content, "#!") {
		mode = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(content), mode)
}

// enter makes the disk, under an overlay in memory, the root of this mount namespace.
func enter() error {
	root, err := Overlay("/sandbox", Disk)
	if err != nil {
		return err
	}
	for at, mode := range map[string]string{"/run": "mode=755", "/tmp": "mode=1777"} {
		if err := mount("tmpfs", "tmpfs", root+at, 0, mode); err != nil {
			return err
		}
	}
	if err := Furnish(root); err != nil {
		return err
	}
	return Become(root)
}

// Overlay mounts the directories lower, the uppermost first, under an empty one in memory, and
// returns where. Changed files are in top/upper.
func Overlay(top string, lower ...string) (root string, err error) {
	if err := mount("tmpfs", "tmpfs", top, 0, "mode=755"); err != nil {
		return "", err
	}
	for _, dir := range []string{"upper", "work"} {
		if err := os.Mkdir(filepath.Join(top, dir), 0o755); err != nil {
			return "", err
		}
	}
	root = top + "/root"
	layers := "lowerdir=" + strings.Join(lower, ":") + ",upperdir=" + top + "/upper,workdir=" + top + "/work"
	return root, mount("overlay", "overlay", root, 0, layers)
}

// Become makes root, which must be a mount point, the root of this mount namespace, and names the
// host. It moves the root over the initramfs, which cannot be pivoted away: after a plain chroot
// user namespaces are forbidden and pivot_root fails.
func Become(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(root, "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("moving the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("entering the root: %w", err)
	}
	return errors.Join(os.Chdir("/"), unix.Sethostname([]byte(host)))
}

// Furnish mounts the file systems and makes the devices that programs expect, below root. After an
// error it goes on with the others.
func Furnish(root string) error {
	var bad []error
	for _, m := range []struct{ kind, at, data string }{
		{"proc", "proc", ""},
		{"sysfs", "sys", ""},
		{"cgroup2", "sys/fs/cgroup", ""},
		{"tmpfs", "dev", "mode=755"},
		{"devpts", "dev/pts", "newinstance,ptmxmode=666,mode=620,gid=5"},
		{"tmpfs", "dev/shm", "mode=1777"},
	} {
		bad = append(bad, mount(m.kind, m.kind, filepath.Join(root, m.at), 0, m.data))
	}
	_ = mount("mqueue", "mqueue", root+"/dev/mqueue", 0, "") // goes with NET (init/Kconfig:448)
	for name, number := range map[string]uint64{
		"null": unix.Mkdev(1, 3), "zero": unix.Mkdev(1, 5), "full": unix.Mkdev(1, 7), "random": unix.Mkdev(1, 8),
		"urandom": unix.Mkdev(1, 9), "kmsg": unix.Mkdev(1, 11), "tty": unix.Mkdev(5, 0), "fuse": unix.Mkdev(10, 229),
		"net/tun": unix.Mkdev(10, 200),
	} {
		file := filepath.Join(root, "dev", name)
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err := errors.Join(err, unix.Mknod(file, unix.S_IFCHR|0o666, int(number)), os.Chmod(file, 0o666)); err != nil {
			bad = append(bad, fmt.Errorf("making /dev/%s: %w", name, err))
		}
	}
	for name, to := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd",
		"stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		bad = append(bad, os.Symlink(to, filepath.Join(root, "dev", name)))
	}
	return errors.Join(bad...)
}

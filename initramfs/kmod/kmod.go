//go:build linux

// Package kmod loads kernel modules, as modprobe and udev do, and records why one was not loaded.
// It runs in the guest, where uinit is also modprobe; its tests also run on the host.
//
// The modules are those of the image, with depmod's lists. They are not compressed.
package kmod

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// program is the program that the kernel runs to load a module, as modprobe -q -- NAME
// (kernel/module/kmod.c, call_modprobe).
const program = "modprobe"

// IsModprobe reports whether the kernel started a program with these arguments, the first of which
// is its name, to load a module. CONFIG_MODPROBE_PATH may name it differently.
func IsModprobe(args []string) bool {
	return filepath.Base(args[0]) == program || len(args) == 4 && args[1] == "-q" && args[2] == "--"
}

// Modprobe loads the module that modprobe's arguments name: by its own name, or by an alias. It
// records each failure for Watch.
func Modprobe(args []string) error {
	name := ""
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			name = a
		}
	}
	l, err := open()
	if err != nil {
		return err
	}
	return l.load(name)
}

// early are modules that are needed before a call asks for them, or that no call asks for: IPv6, as
// systemd does it (src/core/kmod-setup.c), because the kernel adds its own addresses only when the
// module is loaded; and the class of hardware clocks, which is otherwise loaded only with the
// driver of a clock.
var early = []string{"ipv6", "ptp"}

// Coldplug loads modules of the image, if it has any, as a distribution's init does: those of the
// devices that exist, because the kernel announced them before anybody listened, and a bus may
// add devices; and those that are needed early. It also makes the nodes whose opening loads a
// module.
func Coldplug() error {
	l, err := open()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	errs := []error{setPath("/proc/sys/kernel/modprobe"), makeNodes(filepath.Join(l.dir, "modules.devname"), "/dev")}
	for _, name := range early {
		if _, ok := l.files[name]; ok {
			errs = append(errs, l.module(name))
		}
	}
	for _, bus := range []string{"pci", "virtio"} { // a device of the first can be a bus of the second
		files, err := filepath.Glob("/sys/bus/" + bus + "/devices/*/modalias")
		errs = append(errs, err)
		for _, f := range files {
			alias, err := os.ReadFile(f)
			errs = append(errs, err)
			for _, name := range l.aliased(strings.TrimSpace(string(alias))) { // it may have none
				errs = append(errs, l.module(name))
			}
		}
	}
	return errors.Join(errs...)
}

// setPath makes the kernel run modprobe from the image. An empty path stays empty: with it the
// kernel loads nothing on demand. Without the file the kernel uses the path that it was built with.
func setPath(file string) error {
	path, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) || err == nil && strings.TrimSpace(string(path)) == "" {
		return nil
	}
	if err == nil {
		err = os.WriteFile(file, []byte("/sbin/"+program), 0)
	}
	if err != nil {
		return fmt.Errorf("setting the path of modprobe: %w", err)
	}
	return nil
}

// makeNodes makes the missing device nodes of depmod's list (modules.devname: module, path and
// device), like kmod's static-nodes.
func makeNodes(list, dev string) error {
	data, err := os.ReadFile(list)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for line := range strings.Lines(string(data)) {
		path, mode, number, ok := node(line)
		if !ok {
			continue
		}
		path = filepath.Join(dev, path)
		errs = append(errs, os.MkdirAll(filepath.Dir(path), 0o755))
		if err := unix.Mknod(path, mode|0o600, int(number)); err != nil && !errors.Is(err, unix.EEXIST) {
			errs = append(errs, fmt.Errorf("making %s: %w", path, err))
		}
	}
	return errors.Join(errs...)
}

// node reads a line such as "tun net/tun c10:200".
func node(line string) (path string, mode uint32, number uint64, ok bool) {
	f := strings.Fields(line)
	if len(f) != 3 || !filepath.IsLocal(f[1]) {
		return "", 0, 0, false
	}
	var kind rune
	var major, minor uint32
	if _, err := fmt.Sscanf(f[2], "%c%d:%d", &kind, &major, &minor); err != nil {
		return "", 0, 0, false
	}
	switch kind {
	case 'c':
		mode = unix.S_IFCHR
	case 'b':
		mode = unix.S_IFBLK
	}
	return f[1], mode, unix.Mkdev(major, minor), mode != 0
}

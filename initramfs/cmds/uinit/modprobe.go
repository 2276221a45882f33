//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/u-root/u-root/pkg/kmodule"
	"golang.org/x/sys/unix"
)

// modprobeName is the program that the kernel runs to load a module (kernel/module/kmod.c), as
// modprobe -q -- NAME.
const modprobeName = "modprobe"

// coldplug loads modules of the image, if it has any, as a distribution's init does: those of the
// devices that exist, because the kernel announced them before anybody listened, and a bus may
// add devices; and IPv6, as systemd does (src/core/kmod-setup.c), because the kernel adds its own
// addresses only then. It also makes the nodes whose opening loads a module.
func coldplug() error {
	dir, err := modulesDir()
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	// Without this file the kernel uses the path that it was built with.
	_ = os.WriteFile("/proc/sys/kernel/modprobe", []byte("/sbin/"+modprobeName), 0)
	errs := []error{makeNodes(filepath.Join(dir, "modules.devname"), "/dev"), load(inet6Alias, nil)}
	for _, bus := range []string{"pci", "virtio"} {
		files, err := filepath.Glob("/sys/bus/" + bus + "/devices/*/modalias")
		errs = append(errs, err)
		for _, f := range files {
			alias, err := os.ReadFile(f)
			if err == nil {
				err = load(strings.TrimSpace(string(alias)), nil) // it may have none
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// modprobe loads the modules of a name: that of a module, or an alias in depmod's list.
func modprobe(args []string) error {
	name := ""
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			name = a
		}
	}
	return load(name, []string{name})
}

// inet6Alias is what the kernel asks for at socket(AF_INET6) (net/socket.c, __sock_create).
const inet6Alias = "net-pf-10"

// modulesDir returns the directory of the kernel's modules, which may not exist.
func modulesDir() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("asking for the release: %w", err)
	}
	return filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:])), nil
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

// load loads the modules that depmod's list has for an alias, or otherwise those given.
func load(alias string, otherwise []string) error {
	dir, err := modulesDir()
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(dir, "modules.alias"))
	if err != nil {
		return err
	}
	defer f.Close()
	found := aliased(bufio.NewScanner(f), alias)
	if found == nil {
		found = otherwise
	}
	// If several modules have the alias, those for other machines fail to load.
	var errs []error
	for _, m := range found {
		errs = append(errs, kmodule.Probe(m, ""))
	}
	return errors.Join(errs...)
}

// aliased returns the modules that depmod's list has for a name. In aliases and in names, - and _
// are the same.
func aliased(list *bufio.Scanner, name string) []string {
	same := strings.NewReplacer("-", "_")
	var found []string
	for list.Scan() {
		f := strings.Fields(list.Text())
		if len(f) != 3 || f[0] != "alias" {
			continue
		}
		if ok, err := path.Match(same.Replace(f[1]), same.Replace(name)); ok && err == nil {
			found = append(found, f[2])
		}
	}
	return found
}

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

// modprobeName is what the kernel calls when it lacks something that a module may have
// (kernel/module/kmod.c): as modprobe -q -- NAME.
const modprobeName = "modprobe"

// coldplug loads the modules of the devices that are there, where the image has modules:
// the kernel tells of a device before anybody listens. A bus may bring devices of its own.
func coldplug() error {
	if _, err := os.Stat("/lib/modules"); err != nil {
		return nil
	}
	var errs []error
	for _, bus := range []string{"pci", "virtio"} {
		files, err := filepath.Glob("/sys/bus/" + bus + "/devices/*/modalias")
		errs = append(errs, err)
		for _, f := range files {
			alias, err := os.ReadFile(f)
			if err == nil {
				err = load(strings.TrimSpace(string(alias)), nil) // that it has none is in order
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// modprobe loads the modules that name stands for: a module's own name, or an alias in
// depmod's list.
func modprobe(args []string) error {
	name := ""
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			name = a
		}
	}
	return load(name, []string{name})
}

// load loads the modules that depmod's list has for an alias, or else those given.
func load(alias string, otherwise []string) error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return fmt.Errorf("asking for the release: %w", err)
	}
	release := unix.ByteSliceToString(u.Release[:])
	f, err := os.Open(filepath.Join("/lib/modules", release, "modules.alias"))
	if err != nil {
		return err
	}
	defer f.Close()
	found := aliased(bufio.NewScanner(f), alias)
	if found == nil {
		found = otherwise
	}
	// Of several with one alias those that are for another machine do not load.
	var errs []error
	for _, m := range found {
		errs = append(errs, kmodule.Probe(m, ""))
	}
	return errors.Join(errs...)
}

// aliased gives the modules that depmod's list has for a name. In aliases, as in names,
// - and _ are the same.
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

package kbuild

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/packed"
)

// moduleParts returns the directories and files, below a directory of modules, that can matter in
// a guest: those related to networking, sockets, virtual machines and the programs on its disk.
// Others are kept only if one of these needs them.
func moduleParts() []string {
	return []string{
		"net", "crypto", "lib", "arch", "block", "init", "kernel", "mm", "security",
		"drivers/char", "drivers/net", "drivers/virtio", "drivers/vhost", "drivers/block", "drivers/pps", "drivers/ptp",
		"fs/9p", "fs/autofs", "fs/binfmt_misc.ko", "fs/fuse", "fs/netfs", "fs/overlayfs", "fs/squashfs",
	}
}

// hardware are names of directories in these parts with drivers for hardware that no guest has, and
// KVM, which no guest runs.
var hardware = []string{"ethernet", "wireless", "kvm"}

// maxModule is the largest size of a module in bytes; with debugging information some have 50 MB.
const maxModule = 256 << 20

// moduleFile matches the file of a module, which may be compressed (scripts/Makefile.modinst).
var moduleFile = regexp.MustCompile(`\.ko(\.gz|\.xz|\.zst)?$`)

// moduleName returns the name of the module in a file, as in /proc/modules.
func moduleName(path string) string {
	return strings.ReplaceAll(moduleFile.ReplaceAllString(filepath.Base(path), ""), "-", "_")
}

// moduleSet is a directory of modules, and their paths in it by name.
type moduleSet struct {
	dir   string
	paths map[string]string
}

// findModules finds the modules of a kernel. A module in updates or extra replaces the kernel's own,
// as for depmod (depmod.d, search).
func findModules(dir string) (moduleSet, error) {
	s := moduleSet{dir, map[string]string{}}
	for _, part := range []string{"kernel", "extra", "updates"} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				if os.IsNotExist(err) && d == nil {
					return nil
				}
				return err
			}
			if !d.IsDir() && moduleFile.MatchString(path) {
				s.paths[moduleName(path)] = path[len(dir)+1:]
			}
			return nil
		})
		if err != nil {
			return s, fmt.Errorf("finding the modules: %w", err)
		}
	}
	return s, nil
}

// matters reports whether a module can matter in a guest.
func matters(path string) bool {
	path, ok := strings.CutPrefix(moduleFile.ReplaceAllString(path, ".ko"), "kernel/")
	if !ok {
		return true // added by hand
	}
	if slices.ContainsFunc(strings.Split(filepath.Dir(path), "/"), func(name string) bool { return slices.Contains(hardware, name) }) {
		return false
	}
	return slices.ContainsFunc(moduleParts(), func(part string) bool { return path == part || strings.HasPrefix(path, part+"/") })
}

// copy copies the modules that can matter, and those that they need, to a directory. The copies are
// not compressed: a guest would take longer to unpack them than to read them.
func (s moduleSet) copy(to string) error {
	var todo []string
	for name, path := range s.paths {
		if matters(path) {
			todo = append(todo, name)
		}
	}
	done := map[string]bool{}
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		path, ok := s.paths[name]
		if done[name] || !ok {
			continue // the guest reports a missing one when something needs it
		}
		done[name] = true
		needs, err := copyModule(filepath.Join(to, moduleFile.ReplaceAllString(path, ".ko")), filepath.Join(s.dir, path))
		if err != nil {
			return err
		}
		todo = append(todo, needs...)
	}
	return nil
}

// copyModule copies a module without compression, and returns the names of those that it needs.
func copyModule(to, from string) (needs []string, err error) {
	data, err := file.Read(from, maxModule)
	if err == nil {
		data, err = packed.Unpack(data, maxModule)
	}
	if err == nil {
		needs, err = needsOf(data)
	}
	if err != nil {
		return nil, wrong(from, err)
	}
	if err = os.MkdirAll(filepath.Dir(to), 0o755); err == nil {
		err = os.WriteFile(to, data, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("copying the module %s: %w", from, err)
	}
	return needs, nil
}

// needsOf returns the names of the modules that a module needs: the tag depends, which modpost
// writes (scripts/mod/modpost.c, add_depends).
func needsOf(module []byte) (needs []string, err error) {
	f, err := elf.NewFile(bytes.NewReader(module))
	if err != nil {
		return nil, fmt.Errorf("not a module, or damaged: %w", err)
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, errors.New("not a module: it has no .modinfo")
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	for tag := range strings.SplitSeq(string(info), "\x00") {
		if list, ok := strings.CutPrefix(tag, "depends="); ok && list != "" {
			for name := range strings.SplitSeq(list, ",") {
				needs = append(needs, moduleName(name))
			}
		}
	}
	return needs, nil
}

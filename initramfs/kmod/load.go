//go:build linux

package kmod

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// loader loads modules from a directory such as /lib/modules/6.12.117.
type loader struct {
	dir string
	// files has the file of each module, and needs the other modules that it needs, in the order in
	// which they are loaded. Both are from modules.dep.
	files map[string]string
	needs map[string][]string
	// soft are the aliases that a module asks to be loaded before it, if they exist
	// (modules.softdep).
	soft map[string][]string
	// insert loads a file into the kernel; fail records why a module was not loaded.
	insert func(file string) error
	fail   func(module, why string)
	// tried are the modules that were loaded, or are being loaded, with the error of each.
	tried map[string]error
}

// open returns the loader for the running kernel. The error wraps os.ErrNotExist if the image has
// no modules for it.
func open() (*loader, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return nil, fmt.Errorf("asking for the release: %w", err)
	}
	return openDir(filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:])))
}

func openDir(dir string) (*loader, error) {
	l := &loader{
		dir: dir, files: map[string]string{}, needs: map[string][]string{}, soft: map[string][]string{},
		insert: insert, fail: keepFailure, tried: map[string]error{},
	}
	deps, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return nil, fmt.Errorf("listing the modules: %w", err)
	}
	for line := range strings.Lines(string(deps)) {
		file, rest, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		name := nameOf(file)
		l.files[name] = filepath.Join(dir, file)
		for _, needed := range slices.Backward(strings.Fields(rest)) { // depmod lists the innermost last
			l.needs[name] = append(l.needs[name], nameOf(needed))
		}
	}
	for _, f := range fieldsOf(filepath.Join(dir, "modules.softdep"), "softdep") {
		before := false
		for _, word := range f[2:] {
			switch {
			case strings.HasSuffix(word, ":"):
				before = word == "pre:"
			case before:
				l.soft[same(f[1])] = append(l.soft[same(f[1])], word)
			}
		}
	}
	return l, nil
}

// fieldsOf returns the fields of each line of depmod's list that has at least three and begins with
// a word. Without the list there are none.
func fieldsOf(list, begin string) (all [][]string) {
	data, _ := os.ReadFile(list)
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == begin {
			all = append(all, f)
		}
	}
	return all
}

// nameOf returns the name of the module in a file.
func nameOf(file string) string { return same(strings.TrimSuffix(filepath.Base(file), ".ko")) }

// same returns a name or alias with _ for each -, because they mean the same in both.
func same(name string) string { return strings.ReplaceAll(name, "-", "_") }

// load loads the modules of a name: that of a module, or an alias. If several modules have the
// alias, those for other machines fail to load.
func (l *loader) load(name string) error {
	found := l.named(name)
	if found == nil {
		return fmt.Errorf("no such module: %s", name)
	}
	var errs []error
	for _, module := range found {
		errs = append(errs, l.module(module))
	}
	return errors.Join(errs...)
}

// named returns the modules of a name.
func (l *loader) named(name string) []string {
	if _, ok := l.files[same(name)]; ok {
		return []string{same(name)}
	}
	return l.aliased(name)
}

// aliased returns the modules that depmod's list has for an alias.
func (l *loader) aliased(alias string) (found []string) {
	for _, f := range fieldsOf(filepath.Join(l.dir, "modules.alias"), "alias") {
		if ok, err := path.Match(same(f[1]), same(alias)); ok && err == nil {
			found = append(found, same(f[2]))
		}
	}
	return found
}

// module loads a module after those it needs.
func (l *loader) module(name string) error {
	if err, ok := l.tried[name]; ok {
		return err
	}
	l.tried[name] = nil // modules may ask for each other
	err := l.loadAfterNeeds(name)
	if err != nil {
		l.fail(name, err.Error())
		err = fmt.Errorf("loading %s: %w", name, err)
	}
	l.tried[name] = err
	return err
}

func (l *loader) loadAfterNeeds(name string) error {
	file, ok := l.files[name]
	if !ok {
		return errors.New("the guest does not have it")
	}
	for _, alias := range l.soft[name] {
		_ = l.load(alias) // the module works without it
	}
	for _, needed := range l.needs[name] {
		if err := l.module(needed); err != nil {
			return fmt.Errorf("it needs %s: %w", needed, errors.Unwrap(err))
		}
	}
	return l.insert(file)
}

// insert loads a file into the kernel. A module that is loaded already is fine.
func insert(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.FinitModule(int(f.Fd()), "", 0)
	var errno unix.Errno
	switch {
	case err == nil, errors.Is(err, unix.EEXIST):
		return nil
	case errors.As(err, &errno):
		return fmt.Errorf("finit_module: %s (%w)", unix.ErrnoName(errno), errno)
	}
	return fmt.Errorf("finit_module: %w", err)
}

package cache

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// WriteFile writes a file so that it exists whole or not at all, whatever ends netstrip
// meanwhile. Until then it has no name (O_TMPFILE), so nothing is left of it.
func WriteFile(path string, data []byte) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = write(path, data, true)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// write writes data to path; nameless is false to do without O_TMPFILE.
func write(path string, data []byte, nameless bool) error {
	f, err := temporary(path, nameless)
	if err != nil {
		return err
	}
	defer f.Close()
	defer f.discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	// After a power cut there must be no name without contents.
	if err := f.Sync(); err != nil {
		return err
	}
	if f.name == "" {
		err := f.link(path)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		// link(2) does not replace a file; only rename(2) does, and it needs a name.
		if err := sweep(filepath.Dir(path)); err != nil {
			return err
		}
		name := temporaryName(filepath.Dir(path))
		if err := f.link(name); err != nil {
			return err
		}
		f.name = name
	}
	if err := os.Rename(f.name, path); err != nil {
		return err
	}
	f.name = ""
	return nil
}

// temporaryPattern matches the names of files that are not complete.
const temporaryPattern = ".netstrip-tmp-*"

func temporaryName(dir string) string {
	return filepath.Join(dir, temporaryPattern[:len(temporaryPattern)-1]+rand.Text())
}

// unnamed is a file being written. Its lock tells it from the leftover of a netstrip that
// died.
type unnamed struct {
	*os.File
	name string // its temporary name, if it has one
}

// temporary opens a file that will become path.
func temporary(path string, nameless bool) (*unnamed, error) {
	dir := filepath.Dir(path)
	if nameless {
		fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
		if err == nil {
			f := os.NewFile(uintptr(fd), path)
			claim(f)
			return &unnamed{File: f}, nil
		}
		// The errors of a file system or a kernel without O_TMPFILE.
		if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EINVAL) {
			return nil, fmt.Errorf("opening a file in %s: %w", dir, err)
		}
	}
	if err := sweep(dir); err != nil {
		return nil, err
	}
	for {
		name := temporaryName(dir)
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, err
		}
		claim(f)
		if _, err := os.Lstat(name); err == nil {
			return &unnamed{File: f, name: name}, nil
		}
		f.Close() // another process swept it before it was locked
	}
}

// claim locks a file. Where files cannot be locked, sweep may remove one that is being
// written: its writer's rename fails then, and there is no half-written file.
func claim(f *os.File) bool {
	return lockFile(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

// link adds a name to a file that has none.
func (f *unnamed) link(path string) error {
	from := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	return unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
}

func (f *unnamed) discard() {
	if f.name != "" {
		os.Remove(f.name)
	}
}

// sweep removes the incomplete files in dir whose writers have died.
func sweep(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, temporaryPattern))
	if err != nil {
		return err
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			continue // already gone
		}
		if claim(f) {
			os.Remove(name)
		}
		f.Close()
	}
	return nil
}

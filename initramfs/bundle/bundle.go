// Package bundle collects what a program of this machine needs in a guest: the program itself, the
// interpreter of a script or of a dynamic program, its libraries, and files named by the user. It
// runs on the host.
//
// Every file keeps its path, and so does every symbolic link on the way to it: a dynamic linker
// compares paths, and looks for libraries beside the real path of a program ($ORIGIN).
//
// Libraries are found by reading ELF files, in the order of ld.so(8). Nothing is executed, so a
// program for another architecture can be collected too. What a program opens by itself (with
// dlopen(3), or an interpreter's modules) cannot be seen in it, and must be named.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/u-root/mkuimage/cpio"
	"github.com/u-root/mkuimage/uimage/initramfs"

	"github.com/netstrip/netstrip/kconfigs/arch"
)

// MaxBytes is the largest size of a bundle: the guest holds it in memory.
const MaxBytes = 1 << 30

// Bundle is a set of files, directories and symbolic links. Its zero value is not usable; see New.
type Bundle struct {
	arch  arch.Arch
	path  string            // PATH, for the program that env(1) starts
	files map[string]string // the source, by the path in the guest
	links map[string]string // the target, by the path in the guest
	dirs  map[string]fs.FileMode
	texts map[string]string
	bytes int64
	seen  map[string]bool // programs and libraries whose needs are known
	key   func() (string, error)
}

// New returns an empty bundle for guests of an architecture. Path is the search path of programs.
func New(a arch.Arch, path string) *Bundle {
	b := &Bundle{
		arch: a, path: path, files: map[string]string{}, links: map[string]string{}, dirs: map[string]fs.FileMode{},
		texts: map[string]string{}, seen: map[string]bool{},
	}
	b.key = sync.OnceValues(b.hash)
	return b
}

// Bytes is the size of all files.
func (b *Bundle) Bytes() int64 { return b.bytes }

// Has reports whether the bundle has something at a path.
func (b *Bundle) Has(path string) bool {
	path = filepath.Clean(path)
	_, isFile := b.files[path]
	_, isLink := b.links[path]
	_, isDir := b.dirs[path]
	_, isText := b.texts[path]
	return isFile || isLink || isDir || isText
}

// Text adds a file with a text, unless there is one already.
func (b *Bundle) Text(path, text string) {
	if !b.Has(path) {
		b.texts[path] = text
	}
}

// MakeDir adds an empty directory.
func (b *Bundle) MakeDir(path string) {
	if real, err := b.follow(path); err == nil {
		path = real
	}
	if !b.Has(path) {
		b.dirs[filepath.Clean(path)] = 0o755
	}
}

// Add adds a file, or a directory with everything below it, at its own path. Sockets, pipes and
// devices are left out.
func (b *Bundle) Add(path string) error {
	real, err := b.follow(path)
	if err == nil {
		err = b.tree(real, real)
	}
	if err != nil {
		return fmt.Errorf("adding %s: %w", path, err)
	}
	return nil
}

// AddRoot adds everything below dir as the root of the guest's file system.
func (b *Bundle) AddRoot(dir string) error {
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		err = b.tree(real, "/")
	}
	if err != nil {
		return fmt.Errorf("adding the root %s: %w", dir, err)
	}
	return nil
}

// tree adds a file or directory at from as the path at. Links are kept as they are.
func (b *Bundle) tree(from, at string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		to := filepath.Join(at, rel)
		info, err := d.Info()
		switch {
		case err != nil:
			return err
		case d.IsDir():
			b.dirs[to] = info.Mode().Perm()
		case d.Type()&fs.ModeSymlink != 0:
			b.links[to], err = os.Readlink(name)
		case d.Type().IsRegular():
			err = b.file(name, to, info.Size())
		}
		return err
	})
}

// file adds a regular file.
func (b *Bundle) file(from, to string, size int64) error {
	if _, known := b.files[to]; known {
		return nil
	}
	f, err := os.Open(from) // found now rather than while the image is written
	if err != nil {
		return err
	}
	f.Close()
	if b.bytes += size; b.bytes > MaxBytes {
		return fmt.Errorf("the files have more than %d MiB, too many for a guest's memory: at %s", MaxBytes>>20, from)
	}
	b.files[to] = from
	return nil
}

// maxLinks is how many symbolic links a path may have, as in the kernel (MAXSYMLINKS,
// include/linux/namei.h:13).
const maxLinks = 40

// follow returns a path without symbolic links, and adds those that were on the way.
func (b *Bundle) follow(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	at, rest := "/", parts(path)
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		target, err := os.Readlink(next)
		if err != nil {
			if _, err := os.Lstat(next); err != nil {
				return "", err
			}
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: too many symbolic links", path)
		}
		b.links[next] = target
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(parts(target), rest...)
	}
	return at, nil
}

func parts(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// Key is a hash of the contents, after which nothing can be added.
func (b *Bundle) Key() (string, error) { return b.key() }

func (b *Bundle) hash() (string, error) {
	h := sha256.New()
	for _, p := range slices.Sorted(maps.Keys(b.dirs)) {
		fmt.Fprintf(h, "dir %q %o\n", p, b.dirs[p])
	}
	for _, p := range slices.Sorted(maps.Keys(b.links)) {
		fmt.Fprintf(h, "link %q %q\n", p, b.links[p])
	}
	for _, p := range slices.Sorted(maps.Keys(b.texts)) {
		fmt.Fprintf(h, "text %q %q\n", p, b.texts[p])
	}
	for _, p := range slices.Sorted(maps.Keys(b.files)) {
		info, err := os.Stat(b.files[p])
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "file %q %o %d\n", p, info.Mode().Perm(), info.Size())
		if err := hashFile(h, b.files[p]); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func hashFile(h io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(h, f)
	return err
}

// Files returns the bundle as files below a directory of an archive.
func (b *Bundle) Files(under string) (*initramfs.Files, error) {
	files := initramfs.NewFiles()
	name := func(path string) string { return strings.TrimPrefix(filepath.Join(under, path), "/") }
	var bad []error
	for path, mode := range b.dirs {
		bad = append(bad, files.AddRecord(cpio.Directory(name(path), uint64(mode.Perm()))))
	}
	for path, target := range b.links {
		bad = append(bad, files.AddRecord(cpio.Symlink(name(path), target)))
	}
	for path, text := range b.texts {
		bad = append(bad, files.AddRecord(cpio.StaticFile(name(path), text, 0o644)))
	}
	for path, from := range b.files {
		bad = append(bad, files.AddFile(from, name(path)))
	}
	return files, errors.Join(bad...)
}

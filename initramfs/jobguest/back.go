//go:build linux

package jobguest

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// state is what changes when a file is written.
type state struct {
	changed syscall.Timespec
	inode   uint64
	size    int64
}

// notBack are directories that are never sent back: they are not the program's files.
var notBack = []string{"/proc", "/sys", "/dev"}

// snapshot returns the files below the paths that the host wants back, before the program runs.
func (r *run) snapshot() map[string]state {
	all := map[string]state{}
	r.eachBack(func(path string, _ fs.FileInfo, s state) error { all[path] = s; return nil })
	return all
}

// eachBack calls each for the regular files that the host may want back, by their paths in the
// program's root.
func (r *run) eachBack(each func(path string, info fs.FileInfo, s state) error) error {
	for _, back := range r.Back {
		root := filepath.Join(r.root, back)
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // the program need not make it
			}
			path := "/" + strings.TrimPrefix(strings.TrimPrefix(name, r.root), "/")
			if slices.Contains(notBack, path) {
				return filepath.SkipDir
			}
			if !d.Type().IsRegular() {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return nil // a process that is left has removed it
			}
			s := state{size: info.Size()}
			if sys, ok := info.Sys().(*syscall.Stat_t); ok {
				s.changed, s.inode = sys.Ctim, sys.Ino
			}
			return each(path, info, s)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// errBack is the error of too many bytes to send back.
var errBack = errors.New("the files to bring back are too large")

// sendBack sends the host the files that are new or changed, as a tar stream.
func (r *run) sendBack(before map[string]state) error {
	if len(r.Back) == 0 || r.Trace {
		return nil
	}
	out := tar.NewWriter(r.Files())
	var total int64
	sent := map[string]bool{}
	err := r.eachBack(func(path string, info fs.FileInfo, s state) error {
		if old, known := before[path]; sent[path] || known && old == s {
			return nil
		}
		sent[path] = true
		if total += info.Size(); total > r.MaxBack {
			return fmt.Errorf("%w: more than %d MiB, at %s", errBack, r.MaxBack>>20, path)
		}
		return writeTar(out, filepath.Join(r.root, path), path, info)
	})
	return errors.Join(err, out.Close())
}

func writeTar(out *tar.Writer, file, path string, info fs.FileInfo) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := out.WriteHeader(&tar.Header{Name: path, Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}); err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(in, info.Size()))
	if err == nil && n < info.Size() {
		_, err = io.CopyN(out, zeros{}, info.Size()-n) // a process that is left has cut it
	}
	return err
}

// zeros is an endless stream of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

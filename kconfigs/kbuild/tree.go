package kbuild

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
)

// fingerprint identifies a tree by the path, mode, size and time of every file, similar to
// make: reading 1.5 GB at every start would take too long. It ignores Git's own files, which
// change without the source.
func fingerprint(ctx context.Context, dir string) (string, error) {
	h := sha256.New()
	err := listTree(ctx, dir, h)
	return hex.EncodeToString(h.Sum(nil)), err
}

// listTree writes a line for each file, which ends in its time.
func listTree(ctx context.Context, dir string, to io.Writer) error {
	w := bufio.NewWriterSize(to, 1<<16)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if d.Name() == ".git" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%q %o %d %d\n", path[len(dir):], info.Mode(), info.Size(), info.ModTime().UnixNano())
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	return err
}

// manifestFile, in the object tree of a source tree, lists that tree at the start of the last
// build.
const manifestFile = ".netstrip-source"

// maxManifest is its largest size in bytes: a kernel has 90,000 files.
const maxManifest = 1 << 30

// followTree prepares the object tree of a source tree that may have been edited. Make
// compiles what depends on a file that is newer than its object. It does not notice one that
// was replaced by an older file, as by cp -p or mv, so then everything is compiled again.
func (j *job) followTree(ctx context.Context) error {
	if j.Source.tree == "" {
		return nil
	}
	var now bytes.Buffer
	if err := listTree(ctx, j.Source.tree, &now); err != nil {
		return fmt.Errorf("looking at %s: %w", j.Source.tree, err)
	}
	manifest := filepath.Join(j.obj, manifestFile)
	if !isFollowed(manifest, now.String()) {
		if err := os.RemoveAll(j.obj); err != nil {
			return fmt.Errorf("clearing the object tree: %w", err)
		}
	}
	return cache.WriteFile(manifest, now.Bytes())
}

// isFollowed reports whether every file that changed since the last build is newer than it.
func isFollowed(manifest, now string) bool {
	data, err := file.Read(manifest, maxManifest)
	info, serr := os.Stat(manifest)
	if err != nil || serr != nil {
		return false
	}
	was := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		was[line] = true
	}
	for line := range strings.Lines(now) {
		at, err := strconv.ParseInt(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 10, 64)
		if !was[line] && (err != nil || at <= info.ModTime().UnixNano()) {
			return false
		}
	}
	return true
}

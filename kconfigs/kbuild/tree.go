package kbuild

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
)

// fingerprint identifies a tree by path, kind, size and time of every file in it, as
// make itself does: reading 1.5 GB at every start would take too long. Git's own
// files do not count, they change without the source doing so.
func fingerprint(ctx context.Context, dir string) (string, error) {
	h := sha256.New()
	w := bufio.NewWriterSize(h, 1<<16)
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
	return hex.EncodeToString(h.Sum(nil)), err
}

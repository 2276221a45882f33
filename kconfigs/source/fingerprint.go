package source

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// fingerprint identifies a tree by the path, mode, size and time of every file, similar to
// make: reading 1.5 GB at every start would take too long. It ignores Git's own files, which
// change without the source.
func fingerprint(ctx context.Context, dir string) (string, error) {
	h := sha256.New()
	err := List(ctx, dir, h)
	return hex.EncodeToString(h.Sum(nil)), err
}

// List writes a line for each file, which ends in its time.
func List(ctx context.Context, dir string, to io.Writer) error {
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

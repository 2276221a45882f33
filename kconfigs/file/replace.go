package file

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Replace writes a file for a user. The name leads to the whole new content or, after an error, to
// what it led to before. A device or a FIFO is written to, and a symbolic link is followed.
func Replace(path string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	name := path
	flag := os.O_WRONLY
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("writing %s: %w", path, irregular(path, info.Mode()))
	case err != nil || info.Mode().IsRegular():
		name, flag = filepath.Join(filepath.Dir(path), ".netstrip-tmp-"+rand.Text()), flag|os.O_CREATE|os.O_EXCL
		defer os.Remove(name)
	}
	f, err := os.OpenFile(name, flag, 0o666)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, Cause(err))
	}
	buffered := bufio.NewWriter(f)
	if err = write(buffered); err == nil {
		err = buffered.Flush()
	}
	if err = errors.Join(err, f.Close()); err == nil && name != path {
		err = os.Rename(name, path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

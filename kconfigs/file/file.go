// Package file opens files by names that come from outside: the command line, an
// environment variable, a directory that others can write. It runs on the host.
//
// Opening a FIFO by its name blocks until somebody writes, and no signal ends the
// wait; reading /dev/zero never ends. So only regular files are opened, without
// blocking, and what is read at once is bounded. YAML decodes such a file's content, or an
// embedded one's.
package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrIrregular says that a name leads to something other than a regular file.
var ErrIrregular = errors.New("not a regular file")

// ErrTooLong says that a file is longer than a file of its kind can be.
var ErrTooLong = errors.New("too long")

// Open opens a regular file for reading. The error is a *fs.PathError.
func Open(path string) (*os.File, error) { return OpenFile(path, os.O_RDONLY, 0) }

// OpenFile is os.OpenFile for regular files. The error is a *fs.PathError, which wraps
// ErrIrregular where path leads to something else.
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	// The open of a device may have an effect, such as rewinding a tape.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, irregular(path, info.Mode())
	}
	f, err := os.OpenFile(path, flag|unix.O_NONBLOCK|unix.O_NOCTTY, perm)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat() // it may have been replaced meanwhile
	if err == nil && !info.Mode().IsRegular() {
		err = irregular(path, info.Mode())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Read reads a regular file of at most limit bytes. The error is a *fs.PathError, which
// wraps ErrIrregular or ErrTooLong where that is what is wrong.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tooLong := &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: more than %d bytes", ErrTooLong, limit)}
	if info.Size() > limit {
		return nil, tooLong
	}
	// Files of /proc have a size of 0.
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, tooLong
	}
	return data, err
}

// irregular says what stands in the place of a regular file.
func irregular(path string, mode fs.FileMode) error {
	kind := "a device"
	switch {
	case mode.IsDir():
		kind = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a FIFO"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	}
	return &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("it is %s, %w", kind, ErrIrregular)}
}

// Package file opens files whose names come from outside: the command line, an environment
// variable, a directory that others can write to. It runs on the host.
//
// Opening a FIFO blocks until somebody writes, which no signal interrupts, and reading
// /dev/zero never ends. So only regular files are opened, without blocking, and reads are
// bounded. YAML decodes the content of such a file, or of an embedded one. Replace writes one.
package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrIrregular means that a name leads to something other than a regular file.
var ErrIrregular = errors.New("not a regular file")

// ErrTooLong means that a file exceeds the limit.
var ErrTooLong = errors.New("too long")

// Open opens a regular file for reading. The error is a *fs.PathError.
func Open(path string) (*os.File, error) { return OpenFile(path, os.O_RDONLY, 0) }

// OpenFile is os.OpenFile for regular files. The error is a *fs.PathError, which wraps
// ErrIrregular for other files.
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	// Opening a device may have an effect, such as rewinding a tape.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, irregular(path, info.Mode())
	}
	f, err := os.OpenFile(path, flag|unix.O_NONBLOCK|unix.O_NOCTTY, perm)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat() // the file may have been replaced meanwhile
	if err == nil && !info.Mode().IsRegular() {
		err = irregular(path, info.Mode())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Read reads a regular file of at most limit bytes. The error is a *fs.PathError, which may
// wrap ErrIrregular or ErrTooLong.
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
	// Files in /proc have a size of 0.
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, tooLong
	}
	return data, err
}

// Cause returns an error without the path, for a caller that names the file itself.
func Cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// irregular returns an error that says what kind of file path is.
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

//go:build linux

package probes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// Answer is the result of a probe that works.
type Answer struct {
	Call, Value, Detail string
	// Errno is the expected error, if an error shows that the feature works.
	Errno   error
	Numbers map[string]float64
}

// Failure is the reason that a probe does not work: a call and its error.
type Failure struct {
	Call string
	Err  error
	// Gone is set if Err proves that the feature is not there.
	Gone bool
}

func (f *Failure) Error() string { return f.Call + ": " + f.Err.Error() }

func (f *Failure) Unwrap() error { return f.Err }

// Try returns the Failure of a call with an error; nil without an error. It returns an error that
// is already a Failure unchanged. With one of the errnos in gone, this call proves that the
// feature is not in this kernel.
func Try(call string, err error, gone ...syscall.Errno) error {
	if err == nil {
		return nil
	}
	if f, ok := err.(*Failure); ok {
		return f
	}
	// The call already names the file.
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	f := &Failure{Call: call, Err: err}
	for _, errno := range gone {
		f.Gone = f.Gone || errors.Is(err, errno)
	}
	return f
}

// Wrong returns the Failure of a call that succeeded without doing what it should.
func Wrong(call, format string, args ...any) error {
	return &Failure{Call: call, Err: fmt.Errorf(format, args...)}
}

// GoneAs marks the Failure in err as proof of absence if it is one of the errnos.
func GoneAs(err error, gone ...syscall.Errno) error {
	if fail := (*Failure)(nil); errors.As(err, &fail) {
		return Try(fail.Call, fail.Err, gone...)
	}
	return err
}

// Finding converts a and err to a finding, without ID and duration.
func (a Answer) Finding(err error) wire.Finding {
	if err == nil {
		return wire.Finding{
			Verdict: wire.Works, Errno: ErrnoName(a.Errno), Call: a.Call,
			Value: a.Value, Detail: a.Detail, Numbers: a.Numbers,
		}
	}
	f := wire.Finding{Verdict: wire.Inconclusive, Errno: ErrnoName(err), Detail: err.Error()}
	var fail *Failure
	if errors.As(err, &fail) {
		f.Call = fail.Call
		if fail.Gone {
			f.Verdict = wire.Absent
		}
	}
	return f
}

// ErrnoName returns the symbolic name of the error number in err, empty without one.
func ErrnoName(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil || !errors.As(err, &errno):
		return ""
	case errno == unix.EOPNOTSUPP:
		// x/sys calls it ENOTSUP, which is not a name of the kernel's.
		return "EOPNOTSUPP"
	}
	if name := unix.ErrnoName(errno); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", int(errno))
}

// ReadFile reads the file name below the directory under, in /proc or /sys. A missing file
// proves absence only if the directory exists, as it does on every kernel: otherwise the
// file system is not mounted, which says nothing about the kernel.
func ReadFile(under, name string) (string, error) {
	file := filepath.Join(under, name)
	data, err := os.ReadFile(file)
	return string(data), AbsentFile(under, file, err)
}

// AbsentFile returns the Failure of opening file by the rules of ReadFile.
func AbsentFile(under, file string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return Try(file, err)
	}
	if _, derr := os.Stat(under); derr != nil {
		return Try(under, derr)
	}
	return Try(file, err, unix.ENOENT)
}

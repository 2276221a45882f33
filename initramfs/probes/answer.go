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

// Answer is a yes, and what there is to say about it.
type Answer struct {
	Call, Value, Detail string
	// errno is the error number that was asked for, where an error is the yes.
	Errno   error
	Numbers map[string]float64
}

// Failure is what stood in the way of a yes: a call and what it said.
type Failure struct {
	Call string
	Err  error
	// gone is set when err says conclusively that the thing is not there.
	Gone bool
}

func (f *Failure) Error() string { return f.Call + ": " + f.Err.Error() }

func (f *Failure) Unwrap() error { return f.Err }

// Try makes a failure of the error of a call, if there is one. The errnos in gone are
// those by which this call says conclusively: not in this kernel.
func Try(call string, err error, gone ...syscall.Errno) error {
	if err == nil {
		return nil
	}
	if f, ok := err.(*Failure); ok {
		return f // what stood in the way says it better
	}
	// The call names the file already.
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	f := &Failure{Call: call, Err: err}
	for _, errno := range gone {
		f.Gone = f.Gone || errors.Is(err, errno)
	}
	return f
}

// Wrong is the failure of a call that went through and did not do what it should.
func Wrong(call, format string, args ...any) error {
	return &Failure{Call: call, Err: fmt.Errorf(format, args...)}
}

// GoneAs marks the failure in err as conclusive where it is one of these errnos.
func GoneAs(err error, gone ...syscall.Errno) error {
	if fail := (*Failure)(nil); errors.As(err, &fail) {
		return Try(fail.Call, fail.Err, gone...)
	}
	return err
}

// Finding is the finding that a and err make, still without ID and duration.
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

// ErrnoName is the symbolic name of the error number in err, empty without one.
func ErrnoName(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil || !errors.As(err, &errno):
		return ""
	case errno == unix.EOPNOTSUPP:
		// x/sys calls it ENOTSUP, a name that the kernel does not have.
		return "EOPNOTSUPP"
	}
	if name := unix.ErrnoName(errno); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", int(errno))
}

// ReadFile reads a file of /proc or /sys. That it is not there is conclusive only
// when the directory under, which every kernel has there, is: without it the file
// system is not mounted, and that says nothing about the kernel.
func ReadFile(under, name string) (string, error) {
	file := filepath.Join(under, name)
	data, err := os.ReadFile(file)
	return string(data), AbsentFile(under, file, err)
}

// AbsentFile is the failure of opening file in the sense of readFile.
func AbsentFile(under, file string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return Try(file, err)
	}
	if _, derr := os.Stat(under); derr != nil {
		return Try(under, derr)
	}
	return Try(file, err, unix.ENOENT)
}

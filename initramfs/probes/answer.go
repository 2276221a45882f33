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

// answer is a yes, and what there is to say about it.
type answer struct {
	call, value, detail string
	// errno is the error number that was asked for, where an error is the yes.
	errno   error
	numbers map[string]float64
}

// failure is what stood in the way of a yes: a call and what it said.
type failure struct {
	call string
	err  error
	// gone is set when err says conclusively that the thing is not there.
	gone bool
}

func (f *failure) Error() string { return f.call + ": " + f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// try makes a failure of the error of a call, if there is one. The errnos in gone are
// those by which this call says conclusively: not in this kernel.
func try(call string, err error, gone ...syscall.Errno) error {
	if err == nil {
		return nil
	}
	if f, ok := err.(*failure); ok {
		return f // what stood in the way says it better
	}
	// The call names the file already.
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	f := &failure{call: call, err: err}
	for _, errno := range gone {
		f.gone = f.gone || errors.Is(err, errno)
	}
	return f
}

// wrong is the failure of a call that went through and did not do what it should.
func wrong(call, format string, args ...any) error {
	return &failure{call: call, err: fmt.Errorf(format, args...)}
}

// goneAs marks the failure in err as conclusive where it is one of these errnos.
func goneAs(err error, gone ...syscall.Errno) error {
	if fail := (*failure)(nil); errors.As(err, &fail) {
		return try(fail.call, fail.err, gone...)
	}
	return err
}

// finding is the finding that a and err make, still without ID and duration.
func (a answer) finding(err error) wire.Finding {
	if err == nil {
		return wire.Finding{
			Verdict: wire.Works, Errno: ErrnoName(a.errno), Call: a.call,
			Value: a.value, Detail: a.detail, Numbers: a.numbers,
		}
	}
	f := wire.Finding{Verdict: wire.Inconclusive, Errno: ErrnoName(err), Detail: err.Error()}
	var fail *failure
	if errors.As(err, &fail) {
		f.Call = fail.call
		if fail.gone {
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

// readFile reads a file of /proc or /sys. That it is not there is conclusive only
// when the directory under, which every kernel has there, is: without it the file
// system is not mounted, and that says nothing about the kernel.
func readFile(under, name string) (string, error) {
	file := filepath.Join(under, name)
	data, err := os.ReadFile(file)
	return string(data), absentFile(under, file, err)
}

// absentFile is the failure of opening file in the sense of readFile.
func absentFile(under, file string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return try(file, err)
	}
	if _, derr := os.Stat(under); derr != nil {
		return try(under, derr)
	}
	return try(file, err, unix.ENOENT)
}

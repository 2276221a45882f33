//go:build linux

package probes

import (
	"context"
	"errors"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// After returns an Ask that first calls first, and returns its error if there is one.
func (a Ask) After(first func() error) Ask {
	return func(ctx context.Context) (Answer, error) {
		if err := first(); err != nil {
			return Answer{}, err
		}
		return a(ctx)
	}
}

// InDir returns an Ask that passes an empty directory to ask and removes it afterwards. A copy
// for each caller would make the guest larger.
//
//go:noinline
func InDir(ask func(dir string) (Answer, error)) Ask {
	return func(context.Context) (Answer, error) {
		dir, err := os.MkdirTemp("", "netstrip-")
		if err != nil {
			return Answer{}, Try("mkdir", err)
		}
		defer os.RemoveAll(dir)
		return ask(dir)
	}
}

// Syscall makes a system call that x/sys has no function for. Memory that the arguments point to
// does not move during the call.
//
//go:uintptrescapes
func Syscall(number uintptr, args ...uintptr) (int, error) {
	var a [6]uintptr
	copy(a[:], args)
	return Again(func() (int, error) {
		n, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
		if errno != 0 {
			return -1, errno
		}
		return int(n), nil
	})
}

// OpenQueue creates a POSIX message queue for a number of messages of at most size bytes.
// Unlike mq_open(3), the system call takes the name without a slash.
func OpenQueue(queue string, messages, size int64) (fd int, remove func(), err error) {
	type limits struct{ flags, messages, size, waiting, _, _, _, _ int64 }
	name := append([]byte(queue), 0)
	fd, err = Syscall(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&name[0])), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600,
		uintptr(unsafe.Pointer(&limits{messages: messages, size: size})))
	return fd, func() {
		unix.Close(fd)
		_, _ = Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(&name[0])))
	}, Try("mq_open", err, unix.ENOSYS)
}

// Patience is how many seconds a call of a probe waits: much longer than an emulated guest needs,
// and much shorter than a probe's deadline, so the probe itself can report which call timed out.
const Patience = 4

// Eventually repeats check until it returns no error, for as long as Patience.
func Eventually(check func() error) error {
	err := check()
	for end := time.Now().Add(Patience * time.Second); err != nil && time.Now().Before(end); err = check() {
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

// Again repeats a call that a signal interrupted. Go's scheduler sends itself SIGURG, and
// SA_RESTART does not restart calls on a socket with a time limit.
func Again[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

// Pattern returns n bytes that differ between places a power of two apart.
func Pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8*13)
	}
	return p
}

// NullUevent belongs to /dev/null, which every kernel has. A write to it makes the kernel
// report that the device has changed, which does no harm.
const NullUevent = "/sys/devices/virtual/mem/null/uevent"

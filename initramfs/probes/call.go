//go:build linux

package probes

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Syscall is a system call that x/sys has no function for. What its arguments point to
// is not moved meanwhile.
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

// OpenQueue makes a message queue for so many messages of so many bytes. The system call
// wants the name without the slash that mq_open(3) wants.
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

// Eventually waits until check is content, and then gives its error.
func Eventually(check func() error) error {
	err := check()
	for end := time.Now().Add(Patience * time.Second); err != nil && time.Now().Before(end); err = check() {
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

// Patience is how long a call on a socket of a probe waits, in seconds: well over
// what an emulated guest needs, well below a probe's deadline, so that a probe still
// says itself which call got no answer.
const Patience = 4

// Again repeats a call that a signal cut short. Go's scheduler sends itself SIGURG,
// and a socket with a time limit is not restarted by SA_RESTART.
func Again[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

// Pattern is n bytes in which no two places a power of two apart are alike for long.
func Pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8*13)
	}
	return p
}

// NullUevent belongs to /dev/null, a device that every kernel has; writing to it
// makes the kernel say that the device has changed, which hurts nobody.
const NullUevent = "/sys/devices/virtual/mem/null/uevent"

//go:build linux

package netdev

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
)

// Apart runs f in a new network namespace, or where this kernel makes none, in the
// only one there is; f must leave it as it found it.
func Apart(f func() error) error {
	err := InNew(f)
	var fail *probes.Failure
	if errors.As(err, &fail) && fail.Gone && fail.Call == "unshare(CLONE_NEWNET)" {
		return f()
	}
	return err
}

// Unshare returns the calling thread a network namespace. A kernel that cannot make
// one says EINVAL (include/net/net_namespace.h:220), which unshare(CLONE_NEWNET)
// gives for nothing else: the flag itself is always known (kernel/fork.c:3247).
func Unshare() error {
	return probes.Try("unshare(CLONE_NEWNET)", unix.Unshare(unix.CLONE_NEWNET), unix.EINVAL)
}

// OnThread runs f on a thread of its own, which ends with it: whatever namespaces f
// puts the thread into, nothing else ever runs there. It is never the process's first
// thread, which Go cannot throw away, and whose namespace /proc/self/net shows.
func OnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that Go throws the thread away
		if unix.Gettid() == unix.Getpid() {
			done <- OnThread(f) // as long as this one waits here it is another
			runtime.UnlockOSThread()
			return
		}
		done <- f()
	}()
	return <-done
}

// InNew runs f on a thread of its own in a new network namespace.
func InNew(f func() error) error {
	return OnThread(func() error {
		if err := Unshare(); err != nil {
			return err
		}
		return f()
	})
}

// Open opens the calling thread's network namespace.
func Open() (*os.File, error) {
	const dir = "/proc/thread-self/ns"
	f, err := os.Open(dir + "/net")
	return f, probes.AbsentFile(dir, dir+"/net", err)
}

// New takes the thread into a new namespace and gives it.
func New() (*os.File, error) {
	if err := Unshare(); err != nil {
		return nil, err
	}
	return Open()
}

// Enter takes the thread into a namespace.
func Enter(namespace *os.File) error {
	return probes.Try("setns(CLONE_NEWNET)", unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET))
}

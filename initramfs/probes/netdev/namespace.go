//go:build linux

package netdev

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
)

// OnThread runs f on a thread of its own, which ends with f: whatever namespaces f enters,
// nothing else ever runs there. It is never the process's first thread, which Go cannot end,
// and whose namespace /proc/self/net shows.
func OnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that Go ends the thread
		if unix.Gettid() == unix.Getpid() {
			done <- OnThread(f) // runs on another thread as long as this one waits here
			runtime.UnlockOSThread()
			return
		}
		done <- f()
	}()
	return <-done
}

// Unshare moves the calling thread into a new network namespace. A kernel that has no network
// namespaces returns EINVAL (include/net/net_namespace.h:220); unshare(CLONE_NEWNET) returns it
// for nothing else, since the flag itself is always known (kernel/fork.c:3247).
func Unshare() error {
	return probes.Try("unshare(CLONE_NEWNET)", unix.Unshare(unix.CLONE_NEWNET), unix.EINVAL)
}

// Open opens the calling thread's network namespace.
func Open() (*os.File, error) {
	const dir = "/proc/thread-self/ns"
	f, err := os.Open(dir + "/net")
	return f, probes.AbsentFile(dir, dir+"/net", err)
}

// New moves the calling thread into a new network namespace and opens that.
func New() (*os.File, error) {
	if err := Unshare(); err != nil {
		return nil, err
	}
	return Open()
}

// Enter moves the calling thread into a network namespace.
func Enter(namespace *os.File) error {
	return probes.Try("setns(CLONE_NEWNET)", unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET))
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

// InTwo runs f on a thread of its own in the first of two new network namespaces.
func InTwo(f func(here, there *os.File) error) error {
	return OnThread(func() error {
		there, err := New()
		if err != nil {
			return err
		}
		defer there.Close()
		here, err := New()
		if err != nil {
			return err
		}
		defer here.Close()
		return f(here, there)
	})
}

// Apart runs f in a new network namespace, or in the only one there is if this kernel cannot
// make another. f must restore what it changes.
func Apart(f func() error) error {
	err := InNew(f)
	var fail *probes.Failure
	if errors.As(err, &fail) && fail.Gone && fail.Call == "unshare(CLONE_NEWNET)" {
		return f()
	}
	return err
}

//go:build linux

package kernel

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// readable waits until a descriptor can be read.
func readable(fd int) error {
	set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := probes.Again(func() (int, error) { return unix.Poll(set, probes.Patience*1000) })
	if err == nil && n == 0 {
		err = unix.ETIMEDOUT
	}
	return probes.Try("poll", err)
}

// readNext waits for the next data of a descriptor and reads it.
func readNext(fd int) ([]byte, error) {
	if err := readable(fd); err != nil {
		return nil, err
	}
	buf := make([]byte, 16<<10)
	n, err := probes.Again(func() (int, error) { return unix.Read(fd, buf) })
	return buf[:max(n, 0)], probes.Try("read", err)
}

func epollPipe(context.Context) (probes.Answer, error) {
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return probes.Answer{}, probes.Try("epoll_create1", err, unix.ENOSYS)
	}
	defer unix.Close(set)
	p, err := sock.Pipe()
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	want := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.A)}
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_ADD, p.A, &want); err != nil {
		return probes.Answer{}, probes.Try("epoll_ctl", err)
	}
	got := make([]unix.EpollEvent, 2)
	for i, timeout := range []int{0, probes.Patience * 1000} {
		n, err := probes.Again(func() (int, error) { return unix.EpollWait(set, got, timeout) })
		if err != nil {
			return probes.Answer{}, probes.Try("epoll_wait", err)
		}
		if n != i || n == 1 && got[0] != want {
			return probes.Answer{}, probes.Wrong("epoll_wait", "with %d bytes in the pipe it reported %v", i, got[:n])
		}
		if _, err := unix.Write(p.B, []byte{1}); err != nil {
			return probes.Answer{}, probes.Try("write", err)
		}
	}
	return probes.Answer{Call: "epoll_create1", Detail: "an empty pipe was not reported, a pipe with data was"}, nil
}

func eventCounter(context.Context) (probes.Answer, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return probes.Answer{}, probes.Try("eventfd2", err, unix.ENOSYS)
	}
	defer unix.Close(fd)
	for _, n := range []uint64{3, 4} {
		if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, n)); err != nil {
			return probes.Answer{}, probes.Try("write", err)
		}
	}
	got, err := readNext(fd)
	if err == nil && !bytes.Equal(got, binary.NativeEndian.AppendUint64(nil, 7)) {
		err = probes.Wrong("read", "3 and 4 make %v", got)
	}
	return probes.Answer{Call: "eventfd2", Detail: "3 and 4 were written, 7 was read"}, err
}

// readSignal sends a signal that is blocked to its own thread.
func readSignal(context.Context) (probes.Answer, error) {
	err := netdev.OnThread(func() error {
		const signal = unix.SIGWINCH // harmless
		set := unix.Sigset_t{}
		set.Val[0] = 1 << (signal - 1)
		if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
			return probes.Try("rt_sigprocmask", err)
		}
		fd, err := unix.Signalfd(-1, &set, unix.SFD_CLOEXEC)
		if err != nil {
			return probes.Try("signalfd4", err, unix.ENOSYS)
		}
		defer unix.Close(fd)
		if err := unix.Tgkill(os.Getpid(), unix.Gettid(), signal); err != nil {
			return probes.Try("tgkill", err)
		}
		got, err := readNext(fd)
		if err == nil && (len(got) != 128 || binary.NativeEndian.Uint32(got) != uint32(signal)) {
			err = probes.Wrong("read", "% x is not the signal that was sent", got)
		}
		return err
	})
	return probes.Answer{Call: "signalfd4", Detail: "a signal was sent and read"}, err
}

func readTimer(context.Context) (probes.Answer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return probes.Answer{}, probes.Try("timerfd_create", err, unix.ENOSYS)
	}
	defer unix.Close(fd)
	limit := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(time.Millisecond))}
	if err := unix.TimerfdSettime(fd, 0, &limit, nil); err != nil {
		return probes.Answer{}, probes.Try("timerfd_settime", err)
	}
	got, err := readNext(fd)
	if err == nil && !bytes.Equal(got, binary.NativeEndian.AppendUint64(nil, 1)) {
		err = probes.Wrong("read", "the timer expired % x times, want once", got)
	}
	return probes.Answer{Call: "timerfd_create", Detail: "the timer expired once, after a millisecond"}, err
}

func watchDirectory(dir string) (probes.Answer, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return probes.Answer{}, probes.Try("inotify_init1", err, unix.ENOSYS)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE); err != nil {
		return probes.Answer{}, probes.Try("inotify_add_watch", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
		return probes.Answer{}, probes.Try("open", err)
	}
	got, err := readNext(fd)
	if err == nil && !bytes.Contains(got, []byte("new\x00")) {
		err = probes.Wrong("read", "%q does not name the file", got)
	}
	return probes.Answer{Call: "inotify_init1", Detail: "a new file was reported"}, err
}

func sealedMemory(context.Context) (probes.Answer, error) {
	fd, err := unix.MemfdCreate("netstrip", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return probes.Answer{}, probes.Try("memfd_create", err, unix.ENOSYS)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, probes.Pattern(100)); err != nil {
		return probes.Answer{}, probes.Try("write", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); err != nil {
		return probes.Answer{}, probes.Try("fcntl(F_ADD_SEALS)", err)
	}
	if _, err := unix.Write(fd, []byte{1}); err != unix.EPERM {
		return probes.Answer{}, probes.Wrong("write", "a write to sealed memory returned %v, want EPERM", err)
	}
	return probes.Answer{Call: "memfd_create", Detail: "after sealing, a write was refused"}, nil
}

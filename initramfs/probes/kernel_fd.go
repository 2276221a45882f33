//go:build linux

package probes

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// descriptorProbes ask for descriptors that are neither files nor sockets.
func descriptorProbes() []Probe {
	return []Probe{
		{
			ID:       "kernel/epoll",
			Question: "Does epoll tell that a pipe can be read?",
			Always:   "the Go runtime cannot do without EPOLL",
			ask:      epollPipe,
		},
		{
			ID:       "kernel/eventfd",
			Question: "Does an eventfd add up what is written to it?",
			Always:   "the Go runtime cannot do without EVENTFD",
			ask:      eventCounter,
		},
		{
			ID:       "kernel/signalfd",
			Question: "Can a signal be read from a descriptor?",
			ask:      readSignal,
		},
		{
			ID:       "kernel/timerfd",
			Question: "Does a timer's descriptor tell when it has run out?",
			ask:      readTimer,
		},
		{
			ID:       "kernel/inotify",
			Question: "Does inotify tell that a file was made in a directory?",
			ask:      watchDirectory,
		},
		{
			ID:       "kernel/memfd",
			Question: "Can a file be made that has no name, and be sealed against writing?",
			Always:   "MEMFD_CREATE comes with the tmpfs that u-root mounts",
			ask:      sealedMemory,
		},
		{
			ID:       "kernel/userfaultfd",
			Question: "Can a process fill a page of its memory at the moment it is first touched?",
			ask:      fillPage,
		},
	}
}

// readable waits until a descriptor can be read.
func readable(fd int) error {
	set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := again(func() (int, error) { return unix.Poll(set, patience*1000) })
	if err == nil && n == 0 {
		err = unix.ETIMEDOUT
	}
	return try("poll", err)
}

// readNext reads what is next in a descriptor, for which it waits.
func readNext(fd int) ([]byte, error) {
	if err := readable(fd); err != nil {
		return nil, err
	}
	buf := make([]byte, 16<<10)
	n, err := again(func() (int, error) { return unix.Read(fd, buf) })
	return buf[:max(n, 0)], try("read", err)
}

func epollPipe(context.Context) (answer, error) {
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return answer{}, try("epoll_create1", err, unix.ENOSYS)
	}
	defer unix.Close(set)
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return answer{}, try("pipe2", err)
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	want := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(ends[0])}
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_ADD, ends[0], &want); err != nil {
		return answer{}, try("epoll_ctl", err)
	}
	got := make([]unix.EpollEvent, 2)
	for i, timeout := range []int{0, patience * 1000} {
		n, err := again(func() (int, error) { return unix.EpollWait(set, got, timeout) })
		if err != nil {
			return answer{}, try("epoll_wait", err)
		}
		if n != i || n == 1 && got[0] != want {
			return answer{}, wrong("epoll_wait", "with %d bytes in the pipe it told of %v", i, got[:n])
		}
		if _, err := unix.Write(ends[1], []byte{1}); err != nil {
			return answer{}, try("write", err)
		}
	}
	return answer{call: "epoll_create1", detail: "nothing to read, then something, and it told so"}, nil
}

func eventCounter(context.Context) (answer, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return answer{}, try("eventfd2", err, unix.ENOSYS)
	}
	defer unix.Close(fd)
	for _, n := range []uint64{3, 4} {
		if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, n)); err != nil {
			return answer{}, try("write", err)
		}
	}
	got, err := readNext(fd)
	if err == nil && !bytes.Equal(got, binary.NativeEndian.AppendUint64(nil, 7)) {
		err = wrong("read", "3 and 4 make %v", got)
	}
	return answer{call: "eventfd2", detail: "3 and 4 were written, 7 was read"}, err
}

// readSignal sends a signal to its own thread, which has it blocked.
func readSignal(context.Context) (answer, error) {
	err := onThread(func() error {
		const signal = unix.SIGWINCH // which hurts nobody
		set := unix.Sigset_t{}
		set.Val[0] = 1 << (signal - 1)
		if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
			return try("rt_sigprocmask", err)
		}
		fd, err := unix.Signalfd(-1, &set, unix.SFD_CLOEXEC)
		if err != nil {
			return try("signalfd4", err, unix.ENOSYS)
		}
		defer unix.Close(fd)
		if err := unix.Tgkill(os.Getpid(), unix.Gettid(), signal); err != nil {
			return try("tgkill", err)
		}
		got, err := readNext(fd)
		if err == nil && (len(got) != 128 || binary.NativeEndian.Uint32(got) != uint32(signal)) {
			err = wrong("read", "% x is not the signal that was sent", got)
		}
		return err
	})
	return answer{call: "signalfd4", detail: "a signal was sent and read"}, err
}

func readTimer(context.Context) (answer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return answer{}, try("timerfd_create", err, unix.ENOSYS)
	}
	defer unix.Close(fd)
	limit := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(time.Millisecond))}
	if err := unix.TimerfdSettime(fd, 0, &limit, nil); err != nil {
		return answer{}, try("timerfd_settime", err)
	}
	got, err := readNext(fd)
	if err == nil && !bytes.Equal(got, binary.NativeEndian.AppendUint64(nil, 1)) {
		err = wrong("read", "it ran out % x times, want once", got)
	}
	return answer{call: "timerfd_create", detail: "it ran out after a millisecond, once"}, err
}

func watchDirectory(context.Context) (answer, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return answer{}, try("inotify_init1", err, unix.ENOSYS)
	}
	defer unix.Close(fd)
	dir, err := os.MkdirTemp("", "netstrip-")
	if err != nil {
		return answer{}, try("mkdir", err)
	}
	defer os.RemoveAll(dir)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE); err != nil {
		return answer{}, try("inotify_add_watch", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
		return answer{}, try("open", err)
	}
	got, err := readNext(fd)
	if err == nil && !bytes.Contains(got, []byte("new\x00")) {
		err = wrong("read", "%q does not name the file", got)
	}
	return answer{call: "inotify_init1", detail: "a file was made, and it was told"}, err
}

func sealedMemory(context.Context) (answer, error) {
	fd, err := unix.MemfdCreate("netstrip", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return answer{}, try("memfd_create", err, unix.ENOSYS)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, pattern(100)); err != nil {
		return answer{}, try("write", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); err != nil {
		return answer{}, try("fcntl(F_ADD_SEALS)", err)
	}
	if _, err := unix.Write(fd, []byte{1}); err != unix.EPERM {
		return answer{}, wrong("write", "to sealed memory it gave %v, want EPERM", err)
	}
	return answer{call: "memfd_create", detail: "written, sealed, and then it refused"}, nil
}

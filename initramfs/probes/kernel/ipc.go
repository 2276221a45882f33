//go:build linux

package kernel

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

func throughPipe(context.Context) (probes.Answer, error) {
	p, err := sock.Pipe()
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	return probes.Answer{Call: "pipe2", Detail: "64 KiB went through and arrived as sent"},
		sock.Flow(p.B, p.A, probes.Pattern(64<<10))
}

// wakeFutex wakes repeatedly until it woke somebody: it cannot know when the other thread has
// begun to wait.
func wakeFutex(context.Context) (probes.Answer, error) {
	const wait, wake = 0, 1 // FUTEX_WAIT, FUTEX_WAKE (include/uapi/linux/futex.h:11)
	const call = "futex(FUTEX_WAIT)"
	word := new(uint32)
	limit := unix.NsecToTimespec(int64(probes.Patience * time.Second))
	woken := make(chan error, 1)
	go func() {
		_, err := probes.Syscall(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wait, 0, uintptr(unsafe.Pointer(&limit)))
		woken <- err
	}()
	for {
		n, err := probes.Syscall(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wake, 1)
		if err != nil {
			return probes.Answer{}, probes.Try("futex(FUTEX_WAKE)", err, unix.ENOSYS)
		}
		select {
		case err := <-woken:
			return probes.Answer{Call: call, Detail: "a waiting thread was woken"}, probes.Try(call, err, unix.ENOSYS)
		case <-time.After(time.Duration(n) * time.Second / 1000):
		}
	}
}

// message is what msgsnd(2) sends: a type, then text.
type message struct {
	kind int64
	text [100]byte
}

// sysvMessage, like the next two, fails with ENOSYS without CONFIG_SYSVIPC (kernel/sys_ni.c:119).
func sysvMessage(context.Context) (probes.Answer, error) {
	const private, create = 0, unix.IPC_CREAT | 0o600
	id, err := probes.Syscall(unix.SYS_MSGGET, private, create)
	if err != nil {
		return probes.Answer{}, probes.Try("msgget", err, unix.ENOSYS)
	}
	defer probes.Syscall(unix.SYS_MSGCTL, uintptr(id), unix.IPC_RMID)
	sent, got := message{kind: 7, text: [100]byte(probes.Pattern(100))}, message{}
	if _, err := probes.Syscall(unix.SYS_MSGSND, uintptr(id), uintptr(unsafe.Pointer(&sent)), 100, unix.IPC_NOWAIT); err != nil {
		return probes.Answer{}, probes.Try("msgsnd", err)
	}
	n, err := probes.Syscall(unix.SYS_MSGRCV, uintptr(id), uintptr(unsafe.Pointer(&got)), 100, 7, unix.IPC_NOWAIT)
	if err == nil && (n != 100 || got != sent) {
		err = probes.Wrong("msgrcv", "got %d bytes that are not those sent", n)
	}
	return probes.Answer{Call: "msgget", Detail: "a message arrived as sent"}, probes.Try("msgrcv", err)
}

// sysvSemaphore adds two, and subtracts one three times, the last of which must fail.
func sysvSemaphore(context.Context) (probes.Answer, error) {
	type operation struct {
		number    uint16
		add, flag int16
	}
	id, err := probes.Syscall(unix.SYS_SEMGET, unix.IPC_PRIVATE, 1, unix.IPC_CREAT|0o600)
	if err != nil {
		return probes.Answer{}, probes.Try("semget", err, unix.ENOSYS)
	}
	defer probes.Syscall(unix.SYS_SEMCTL, uintptr(id), 0, unix.IPC_RMID)
	for i, add := range []int16{2, -1, -1, -1} {
		op := operation{add: add, flag: unix.IPC_NOWAIT}
		_, err := probes.Syscall(unix.SYS_SEMOP, uintptr(id), uintptr(unsafe.Pointer(&op)), 1)
		if i == 3 && err == unix.EAGAIN {
			return probes.Answer{Call: "semget", Detail: "it counted two and refused a third"}, nil
		}
		if err != nil {
			return probes.Answer{}, probes.Try("semop", err)
		}
	}
	return probes.Answer{}, probes.Wrong("semop", "a semaphore at two was taken three times")
}

func sysvMemory(context.Context) (probes.Answer, error) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
	if err != nil {
		return probes.Answer{}, probes.Try("shmget", err, unix.ENOSYS)
	}
	defer unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	var at [2][]byte
	for i := range at {
		if at[i], err = unix.SysvShmAttach(id, 0, 0); err != nil {
			return probes.Answer{}, probes.Try("shmat", err)
		}
		defer unix.SysvShmDetach(at[i])
	}
	copy(at[0], probes.Pattern(4096))
	if !bytes.Equal(at[1], probes.Pattern(4096)) {
		return probes.Answer{}, probes.Wrong("shmat", "one attachment does not show what was written to the other")
	}
	return probes.Answer{Call: "shmget", Detail: "one attachment showed what was written to the other"}, nil
}

// posixQueue sends itself a message. POSIX message queues need the network, because they announce
// messages over netlink (init/Kconfig:448); without CONFIG_POSIX_MQUEUE the calls are stubs
// (kernel/sys_ni.c:113).
func posixQueue(context.Context) (probes.Answer, error) {
	fd, remove, err := probes.OpenQueue(fmt.Sprintf("netstrip-%d", os.Getpid()), 2, 128)
	if err != nil {
		return probes.Answer{}, err
	}
	defer remove()
	until := unix.NsecToTimespec(time.Now().Add(probes.Patience * time.Second).UnixNano())
	sent, got := probes.Pattern(100), make([]byte, 128)
	if _, err := probes.Syscall(unix.SYS_MQ_TIMEDSEND, uintptr(fd), uintptr(unsafe.Pointer(&sent[0])), 100, 1, uintptr(unsafe.Pointer(&until))); err != nil {
		return probes.Answer{}, probes.Try("mq_timedsend", err)
	}
	n, err := probes.Syscall(unix.SYS_MQ_TIMEDRECEIVE, uintptr(fd), uintptr(unsafe.Pointer(&got[0])), 128, 0, uintptr(unsafe.Pointer(&until)))
	if err == nil && !bytes.Equal(got[:n], sent) {
		err = probes.Wrong("mq_timedreceive", "got %d bytes that are not those sent", n)
	}
	return probes.Answer{Call: "mq_open", Detail: "a message arrived as sent"}, probes.Try("mq_timedreceive", err)
}

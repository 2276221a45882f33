//go:build linux

package probes

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ipcProbes ask for what processes talk through besides sockets.
func ipcProbes() []Probe {
	return []Probe{
		{
			ID:       "kernel/pipe",
			Question: "Does a pipe carry bytes?",
			Always:   "pipes have no symbol",
			ask:      throughPipe,
		},
		{
			ID:       "kernel/futex",
			Question: "Can one thread wake another through a futex?",
			Always:   "the Go runtime cannot do without FUTEX",
			ask:      wakeFutex,
		},
		{
			ID:       "kernel/sysv/msg",
			Question: "Does a System V message queue carry a message?",
			ask:      sysvMessage,
		},
		{
			ID:       "kernel/sysv/sem",
			Question: "Does a System V semaphore count?",
			ask:      sysvSemaphore,
		},
		{
			ID:       "kernel/sysv/shm",
			Question: "Is System V shared memory the same memory wherever it is attached?",
			ask:      sysvMemory,
		},
		{
			ID:       "kernel/mqueue",
			Question: "Does a POSIX message queue carry a message?",
			ask:      posixQueue,
		},
	}
}

// syscallOf is a system call that x/sys has no function for. What its arguments point to
// is not moved meanwhile.
//
//go:uintptrescapes
func syscallOf(number uintptr, args ...uintptr) (int, error) {
	var a [6]uintptr
	copy(a[:], args)
	return again(func() (int, error) {
		n, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
		if errno != 0 {
			return -1, errno
		}
		return int(n), nil
	})
}

func throughPipe(context.Context) (answer, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return answer{}, try("pipe2", err)
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	return answer{call: "pipe2", detail: "64 KiB went through and arrived as sent"},
		flow(ends[1], ends[0], pattern(streamBytes))
}

// wakeFutex wakes until somebody was woken: there is no telling when the other thread
// has begun to wait.
func wakeFutex(context.Context) (answer, error) {
	const wait, wake = 0, 1 // FUTEX_WAIT, FUTEX_WAKE (include/uapi/linux/futex.h:11)
	const call = "futex(FUTEX_WAIT)"
	word := new(uint32)
	limit := unix.NsecToTimespec(int64(patience * time.Second))
	woken := make(chan error, 1)
	go func() {
		_, err := syscallOf(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wait, 0, uintptr(unsafe.Pointer(&limit)))
		woken <- err
	}()
	for {
		n, err := syscallOf(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wake, 1)
		if err != nil {
			return answer{}, try("futex(FUTEX_WAKE)", err, unix.ENOSYS)
		}
		select {
		case err := <-woken:
			return answer{call: call, detail: "a thread that waited was woken"}, try(call, err, unix.ENOSYS)
		case <-time.After(time.Duration(n) * time.Second / 1000):
		}
	}
}

// message is what msgsnd(2) sends: a type, then text.
type message struct {
	kind int64
	text [100]byte
}

// sysvMessage and its neighbours answer ENOSYS without CONFIG_SYSVIPC (kernel/sys_ni.c:119).
func sysvMessage(context.Context) (answer, error) {
	const private, create = 0, unix.IPC_CREAT | 0o600
	id, err := syscallOf(unix.SYS_MSGGET, private, create)
	if err != nil {
		return answer{}, try("msgget", err, unix.ENOSYS)
	}
	defer syscallOf(unix.SYS_MSGCTL, uintptr(id), unix.IPC_RMID)
	sent, got := message{kind: 7, text: [100]byte(pattern(100))}, message{}
	if _, err := syscallOf(unix.SYS_MSGSND, uintptr(id), uintptr(unsafe.Pointer(&sent)), 100, unix.IPC_NOWAIT); err != nil {
		return answer{}, try("msgsnd", err)
	}
	n, err := syscallOf(unix.SYS_MSGRCV, uintptr(id), uintptr(unsafe.Pointer(&got)), 100, 7, unix.IPC_NOWAIT)
	if err == nil && (n != 100 || got != sent) {
		err = wrong("msgrcv", "%d bytes that are not those sent", n)
	}
	return answer{call: "msgget", detail: "a message arrived as sent"}, try("msgrcv", err)
}

// sysvSemaphore adds two and takes one away three times, the last of which must not go.
func sysvSemaphore(context.Context) (answer, error) {
	type operation struct {
		number    uint16
		add, flag int16
	}
	id, err := syscallOf(unix.SYS_SEMGET, unix.IPC_PRIVATE, 1, unix.IPC_CREAT|0o600)
	if err != nil {
		return answer{}, try("semget", err, unix.ENOSYS)
	}
	defer syscallOf(unix.SYS_SEMCTL, uintptr(id), 0, unix.IPC_RMID)
	for i, add := range []int16{2, -1, -1, -1} {
		op := operation{add: add, flag: unix.IPC_NOWAIT}
		_, err := syscallOf(unix.SYS_SEMOP, uintptr(id), uintptr(unsafe.Pointer(&op)), 1)
		if i == 3 && err == unix.EAGAIN {
			return answer{call: "semget", detail: "it counted to two and refused a third"}, nil
		}
		if err != nil {
			return answer{}, try("semop", err)
		}
	}
	return answer{}, wrong("semop", "a semaphore at two was taken three times")
}

func sysvMemory(context.Context) (answer, error) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
	if err != nil {
		return answer{}, try("shmget", err, unix.ENOSYS)
	}
	defer unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	var at [2][]byte
	for i := range at {
		if at[i], err = unix.SysvShmAttach(id, 0, 0); err != nil {
			return answer{}, try("shmat", err)
		}
		defer unix.SysvShmDetach(at[i])
	}
	copy(at[0], pattern(4096))
	if !bytes.Equal(at[1], pattern(4096)) {
		return answer{}, wrong("shmat", "what was written at one place is not at the other")
	}
	return answer{call: "shmget", detail: "what was written at one place was at the other"}, nil
}

// openQueue makes a message queue for so many messages of so many bytes. The system call
// wants the name without the slash that mq_open(3) wants.
func openQueue(queue string, messages, size int64) (fd int, remove func(), err error) {
	type limits struct{ flags, messages, size, waiting, _, _, _, _ int64 }
	name := append([]byte(queue), 0)
	fd, err = syscallOf(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&name[0])), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600,
		uintptr(unsafe.Pointer(&limits{messages: messages, size: size})))
	return fd, func() {
		unix.Close(fd)
		_, _ = syscallOf(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(&name[0])))
	}, try("mq_open", err, unix.ENOSYS)
}

// posixQueue: message queues need the network, since they tell of messages over netlink
// (init/Kconfig:448); without CONFIG_POSIX_MQUEUE the calls are stubs (kernel/sys_ni.c:113).
func posixQueue(context.Context) (answer, error) {
	fd, remove, err := openQueue(fmt.Sprintf("netstrip-%d", os.Getpid()), 2, 128)
	if err != nil {
		return answer{}, err
	}
	defer remove()
	until := unix.NsecToTimespec(time.Now().Add(patience * time.Second).UnixNano())
	sent, got := pattern(100), make([]byte, 128)
	if _, err := syscallOf(unix.SYS_MQ_TIMEDSEND, uintptr(fd), uintptr(unsafe.Pointer(&sent[0])), 100, 1, uintptr(unsafe.Pointer(&until))); err != nil {
		return answer{}, try("mq_timedsend", err)
	}
	n, err := syscallOf(unix.SYS_MQ_TIMEDRECEIVE, uintptr(fd), uintptr(unsafe.Pointer(&got[0])), 128, 0, uintptr(unsafe.Pointer(&until)))
	if err == nil && !bytes.Equal(got[:n], sent) {
		err = wrong("mq_timedreceive", "%d bytes that are not those sent", n)
	}
	return answer{call: "mq_open", detail: "a message arrived as sent"}, try("mq_timedreceive", err)
}

//go:build linux

package perf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/netdev"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// raw is a system call that Go's scheduler does not notice: the thread keeps its processor while
// it blocks, and need not wait for one afterwards.
//
//go:uintptrescapes
func raw(number uintptr, args ...uintptr) (int, error) {
	var a [6]uintptr
	copy(a[:], args)
	for {
		n, _, errno := unix.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR: // the runtime's own signals
		default:
			return -1, errno
		}
	}
}

// fileEnd is an end that is read from one descriptor and written to another.
func fileEnd(from, to int) end {
	return end{
		send: func(p []byte) error {
			for len(p) > 0 {
				n, err := raw(unix.SYS_WRITE, uintptr(to), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
				if err != nil {
					return probes.Try("write", err)
				}
				p = p[n:]
			}
			return nil
		},
		recv: func(p []byte) (int, error) {
			n, err := raw(unix.SYS_READ, uintptr(from), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
			return n, probes.Try("read", err)
		},
	}
}

// overPair measures two sockets and closes them.
func overPair(p sock.Pair, call string, message, window int) (probes.Answer, error) {
	defer p.Close()
	c := channel{ends: [2]end{fileEnd(p.A, p.A), fileEnd(p.B, p.B)}, message: message, window: window}
	return c.finding(call)
}

func overTCP(domain int) probes.Ask {
	return func(context.Context) (probes.Answer, error) {
		p, err := sock.Connected(domain, unix.SOCK_STREAM, sock.Loopback(domain))
		if err != nil {
			return probes.Answer{}, err
		}
		return overStream(p, domain)
	}
}

// overStream measures a TCP connection, without Nagle's algorithm, which would hold back the last
// bytes until the others are acknowledged.
func overStream(p sock.Pair, domain int) (probes.Answer, error) {
	err := errors.Join(unix.SetsockoptInt(p.A, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptInt(p.B, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	if err != nil {
		p.Close()
		return probes.Answer{}, probes.Try("setsockopt(TCP_NODELAY)", err)
	}
	return overPair(p, sock.Call("socket", domain, unix.SOCK_STREAM), bigMessage, loadBytes)
}

// across measures a connection from outside to a service inside.
func across(c netdev.Crossing) (probes.Answer, error) {
	const port = 7002
	in, _, _ := c.Ends()
	l, at, err := sock.Listening(c.Domain, unix.SOCK_STREAM, c.Sockaddr(in.IP, port))
	if err != nil {
		return probes.Answer{}, err
	}
	if err := netdev.Enter(c.Outside); err != nil {
		unix.Close(l)
		return probes.Answer{}, err
	}
	p, err := sock.ConnectTo(c.Domain, unix.SOCK_STREAM, l, at)
	if err != nil {
		return probes.Answer{}, err
	}
	return overStream(p, c.Domain)
}

// overUDP sends no more at once than a socket's buffer holds (net.core.rmem_default, including the
// kernel's overhead): nothing blocks the sender, and the rest would be lost.
func overUDP(context.Context) (probes.Answer, error) {
	p, err := sock.Datagrams(unix.AF_INET, sock.Loopback(unix.AF_INET), sock.Loopback(unix.AF_INET))
	if err != nil {
		return probes.Answer{}, err
	}
	return overPair(p, sock.Call("socket", unix.AF_INET, unix.SOCK_DGRAM), smallMessage, 8*smallMessage)
}

func overUnix(typ, message int) probes.Ask {
	return func(context.Context) (probes.Answer, error) {
		p, err := sock.Socketpair(typ)
		if err != nil {
			return probes.Answer{}, err
		}
		return overPair(p, sock.Call("socketpair", unix.AF_UNIX, typ), message, loadBytes)
	}
}

// pipeChannel is a pipe each way.
func pipeChannel() (c channel, letGo func(), err error) {
	there, err := sock.Pipe()
	if err != nil {
		return c, nil, err
	}
	back, err := sock.Pipe()
	if err != nil {
		there.Close()
		return c, nil, err
	}
	ends := [2]end{fileEnd(back.A, there.B), fileEnd(there.A, back.B)}
	return channel{ends: ends, message: bigMessage, window: loadBytes}, func() { there.Close(); back.Close() }, nil
}

func overPipe(context.Context) (probes.Answer, error) {
	c, letGo, err := pipeChannel()
	if err != nil {
		return probes.Answer{}, err
	}
	defer letGo()
	return c.finding("pipe2")
}

// queueEnd is an end that takes messages from one queue and sends them to another. The kernel
// refuses a buffer shorter than the longest message.
func queueEnd(from, to int) end {
	room := make([]byte, smallMessage)
	return end{
		send: func(p []byte) error {
			_, err := raw(unix.SYS_MQ_TIMEDSEND, uintptr(to), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), 0, 0)
			return probes.Try("mq_timedsend", err)
		},
		recv: func(p []byte) (int, error) {
			n, err := raw(unix.SYS_MQ_TIMEDRECEIVE, uintptr(from), uintptr(unsafe.Pointer(&room[0])), uintptr(len(room)), 0, 0)
			return n, probes.Try("mq_timedreceive", err)
		},
	}
}

func overQueue(context.Context) (probes.Answer, error) {
	var queues [2]int
	for i := range queues {
		fd, remove, err := probes.OpenQueue(fmt.Sprintf("netstrip-%d-%d", os.Getpid(), i), 8, smallMessage)
		if err != nil {
			return probes.Answer{}, err
		}
		defer remove()
		queues[i] = fd
	}
	c := channel{
		ends:    [2]end{queueEnd(queues[1], queues[0]), queueEnd(queues[0], queues[1])},
		message: smallMessage, window: loadBytes,
	}
	return c.finding("mq_open")
}

// box holds one message in shared memory. Its length is 0 while it is empty.
type box struct {
	length, waiting atomic.Uint32
	_               [56]byte // to fill a cache line
	data            [bigMessage]byte
}

// await sleeps until the box is full, or empty.
func (b *box) await(full bool) (uint32, error) {
	const wait = 0 // FUTEX_WAIT (include/uapi/linux/futex.h:11)
	limit := unix.NsecToTimespec(int64(probes.Patience * time.Second))
	for {
		n := b.length.Load()
		if n > 0 == full {
			return n, nil
		}
		b.waiting.Add(1)
		_, err := raw(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&b.length)), wait, uintptr(n), uintptr(unsafe.Pointer(&limit)))
		b.waiting.Add(^uint32(0))
		if err != nil && err != unix.EAGAIN { // EAGAIN: the length has changed
			return 0, probes.Try("futex(FUTEX_WAIT)", err)
		}
	}
}

// put sets how much the box holds, and wakes a thread that waits for that.
func (b *box) put(n int) error {
	const wake = 1 // FUTEX_WAKE
	b.length.Store(uint32(n))
	if b.waiting.Load() == 0 {
		return nil
	}
	_, err := raw(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&b.length)), wake, 1)
	return probes.Try("futex(FUTEX_WAKE)", err)
}

// boxEnd is an end that takes messages from one box and puts them into another.
func boxEnd(from, to *box) end {
	return end{
		send: func(p []byte) error {
			if _, err := to.await(false); err != nil {
				return err
			}
			return to.put(copy(to.data[:], p))
		},
		recv: func(p []byte) (int, error) {
			n, err := from.await(true)
			if err != nil {
				return 0, err
			}
			return copy(p, from.data[:n]), from.put(0)
		},
	}
}

// overMemory maps the memory as two processes that share it would.
func overMemory(context.Context) (probes.Answer, error) {
	var boxes [2]*box
	for i := range boxes {
		mem, err := unix.Mmap(-1, 0, int(unsafe.Sizeof(box{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
		if err != nil {
			return probes.Answer{}, probes.Try("mmap(MAP_SHARED)", err)
		}
		defer unix.Munmap(mem)
		boxes[i] = (*box)(unsafe.Pointer(&mem[0]))
	}
	c := channel{ends: [2]end{boxEnd(boxes[1], boxes[0]), boxEnd(boxes[0], boxes[1])}, message: bigMessage, window: loadBytes}
	return c.finding("futex(FUTEX_WAIT)")
}

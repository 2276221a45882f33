//go:build linux

package kernel

import (
	"bytes"
	"context"
	"encoding/binary"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// uringOp is an operation of io_uring.
type uringOp struct {
	name string
	code byte
}

// uringOps returns the probes of io_uring, one for each operation. Without CONFIG_NET those on
// sockets are still known, but return EOPNOTSUPP (io_uring/opdef.c:46).
func uringOps() []probes.Probe {
	all := []probes.Probe{{ID: "kernel/io-uring/read", Ask: uringRead}}
	for _, op := range []uringOp{
		{"NOP", 0}, {"OPENAT", 18}, {"SPLICE", 30},
		{"SENDMSG", 9}, {"RECVMSG", 10}, {"ACCEPT", 13}, {"CONNECT", 16}, {"SEND", 26}, {"RECV", 27},
		{"SHUTDOWN", 34}, {"SOCKET", 45}, {"SEND_ZC", 47}, {"BIND", 56},
	} {
		all = append(all, probes.Probe{ID: "kernel/io-uring/" + strings.ReplaceAll(strings.ToLower(op.name), "_", "-"), Ask: op.known})
	}
	return all
}

// known asks twice: for the list of operations, and for the operation itself on an invalid
// descriptor. If the answers differ there is no finding, except that Linux 6.1 lists what it
// refuses, because it checks no mark (its io_uring.c:3863).
func (op uringOp) known(context.Context) (probes.Answer, error) {
	r, err := newRing()
	if err != nil {
		return probes.Answer{}, err
	}
	defer r.close()
	listed, err := r.lists(op.code)
	if err != nil {
		return probes.Answer{}, err
	}
	res, err := r.do(op.code, -1, nil)
	if err != nil {
		return probes.Answer{}, err
	}
	call, errno := "IORING_OP_"+op.name, syscall.Errno(max(0, -res))
	// EINVAL: no operation has this number (io_uring/io_uring.c:2085).
	gone := errno == unix.EOPNOTSUPP || errno == unix.EINVAL
	if gone == listed && errno != unix.EOPNOTSUPP {
		return probes.Answer{}, probes.Wrong(call, "listed by IORING_REGISTER_PROBE: %v, but it returned %v", listed, errno)
	}
	a := probes.Answer{Call: call, Detail: "the kernel knows it, and refused the descriptor -1"}
	if errno != 0 {
		a.Errno = errno
	}
	if gone {
		return probes.Answer{}, probes.Try(call, errno, unix.EOPNOTSUPP, unix.EINVAL)
	}
	return a, nil
}

func uringRead(context.Context) (probes.Answer, error) {
	r, err := newRing()
	if err != nil {
		return probes.Answer{}, err
	}
	defer r.close()
	p, err := sock.Pipe()
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	if _, err := unix.Write(p.B, probes.Pattern(100)); err != nil {
		return probes.Answer{}, probes.Try("write", err)
	}
	const read, call = 22, "IORING_OP_READ"
	buf := make([]byte, 200)
	res, err := r.do(read, p.A, buf)
	if err != nil {
		return probes.Answer{}, err
	}
	if res < 0 || !bytes.Equal(buf[:res], probes.Pattern(100)) {
		return probes.Answer{}, probes.Wrong(call, "it returned %d, want the 100 bytes in the pipe", res)
	}
	return probes.Answer{Call: call, Detail: "100 bytes arrived as written"}, nil
}

// ring is an io_uring for one operation.
type ring struct {
	fd          int
	rings, sqes []byte
	params      [30]uint32 // struct io_uring_params (include/uapi/linux/io_uring.h:525)
}

// Indices of offsets in the params, offsets for mmap, and sizes.
const (
	ringSQTail, ringSQArray   = 11, 16
	ringCQTail, ringCQEntries = 21, 25
	ringOffSQEs               = 0x10000000
	ringSQESize, ringSize     = 64, 4096
)

func newRing() (*ring, error) {
	r := &ring{}
	var err error
	if r.fd, err = probes.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&r.params))); err != nil {
		return nil, probes.Try("io_uring_setup", err, unix.ENOSYS)
	}
	const both = unix.PROT_READ | unix.PROT_WRITE
	if r.rings, err = unix.Mmap(r.fd, 0, ringSize, both, unix.MAP_SHARED); err == nil {
		r.sqes, err = unix.Mmap(r.fd, ringOffSQEs, ringSQESize, both, unix.MAP_SHARED)
	}
	if err != nil {
		r.close()
		return nil, probes.Try("mmap(io_uring)", err)
	}
	return r, nil
}

func (r *ring) close() {
	for _, memory := range [][]byte{r.rings, r.sqes} {
		if memory != nil {
			unix.Munmap(memory)
		}
	}
	unix.Close(r.fd)
}

// lists reports whether the kernel lists an operation.
func (r *ring) lists(op byte) (bool, error) {
	const register, entry = 8, 8 // IORING_REGISTER_PROBE, bytes of one operation
	list := [16 + 256*entry]byte{}
	if _, err := probes.Syscall(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), register, uintptr(unsafe.Pointer(&list)), 256); err != nil {
		return false, probes.Try("io_uring_register(IORING_REGISTER_PROBE)", err)
	}
	return list[16+int(op)*entry+2]&1 != 0, nil // IO_URING_OP_SUPPORTED
}

// do performs the one operation of a ring on buf, and returns its result.
func (r *ring) do(op byte, fd int, buf []byte) (int, error) {
	clear(r.sqes)
	r.sqes[0] = op
	binary.NativeEndian.PutUint32(r.sqes[4:], uint32(fd))
	binary.NativeEndian.PutUint64(r.sqes[16:], uint64(uintptr(unsafe.Pointer(unsafe.SliceData(buf)))))
	binary.NativeEndian.PutUint32(r.sqes[24:], uint32(len(buf)))
	*r.word(ringSQArray) = 0
	atomic.StoreUint32(r.word(ringSQTail), 1)
	const wait = 1 // IORING_ENTER_GETEVENTS
	_, err := probes.Syscall(unix.SYS_IO_URING_ENTER, uintptr(r.fd), 1, 1, wait)
	runtime.KeepAlive(buf)
	if err != nil {
		return 0, probes.Try("io_uring_enter", err)
	}
	if atomic.LoadUint32(r.word(ringCQTail)) == 0 {
		return 0, probes.Wrong("io_uring_enter", "it returned without a completion")
	}
	return int(int32(binary.NativeEndian.Uint32(r.rings[r.params[ringCQEntries]+8:]))), nil
}

// word returns the word of the rings at an offset that the params have.
func (r *ring) word(param int) *uint32 {
	return (*uint32)(unsafe.Pointer(&r.rings[r.params[param]]))
}

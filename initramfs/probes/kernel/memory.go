//go:build linux

package kernel

import (
	"context"
	"encoding/binary"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// Numbers of userfaultfd (include/uapi/linux/userfaultfd.h:27, 113, 272).
const (
	uffdVersion  = 0xaa
	uffdMissing  = 1
	uffdAPI      = 0xc018aa3f
	uffdRegister = 0xc020aa00
	uffdCopy     = 0xc028aa03
	uffdFault    = 0x12
)

// fillPage lets write(2) touch a page that does not exist yet. It has to be a system call: a
// thread that stops anywhere else stops the whole Go runtime.
func fillPage(context.Context) (probes.Answer, error) {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return probes.Answer{}, probes.Try("mmap", err)
	}
	defer unix.Munmap(page)
	at, size := uintptr(unsafe.Pointer(unsafe.SliceData(page))), uintptr(len(page))
	fd, err := watchPage(at, size)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(fd)
	p, err := sock.Pipe()
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	written := make(chan error, 1)
	go func() {
		_, err := probes.Syscall(unix.SYS_WRITE, uintptr(p.B), at, size)
		written <- err
	}()
	got, err := readNext(fd)
	if err != nil {
		return probes.Answer{}, err
	}
	if len(got) != 32 || got[0] != uffdFault || binary.NativeEndian.Uint64(got[16:]) != uint64(at) {
		return probes.Answer{}, probes.Wrong("read", "% x does not report the page", got)
	}
	data := probes.Pattern(len(page))
	fill := [5]uintptr{at, uintptr(unsafe.Pointer(unsafe.SliceData(data))), size}
	_, err = probes.Syscall(unix.SYS_IOCTL, uintptr(fd), uffdCopy, uintptr(unsafe.Pointer(&fill)))
	runtime.KeepAlive(data)
	if err != nil {
		return probes.Answer{}, probes.Try("ioctl(UFFDIO_COPY)", err)
	}
	if err := <-written; err != nil {
		return probes.Answer{}, probes.Try("write", err)
	}
	return probes.Answer{Call: "userfaultfd", Detail: "a page was touched, filled, and read as filled"}, sock.Receive(p.A, data)
}

// watchPage returns a descriptor that reports when the page is touched.
func watchPage(at, size uintptr) (int, error) {
	fd, err := probes.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC)
	if err != nil {
		return -1, probes.Try("userfaultfd", err, unix.ENOSYS)
	}
	api := [3]uint64{uffdVersion}
	if _, err = probes.Syscall(unix.SYS_IOCTL, uintptr(fd), uffdAPI, uintptr(unsafe.Pointer(&api))); err == nil {
		register := [4]uintptr{at, size, uffdMissing}
		_, err = probes.Syscall(unix.SYS_IOCTL, uintptr(fd), uffdRegister, uintptr(unsafe.Pointer(&register)))
	}
	if err != nil {
		unix.Close(fd)
		return -1, probes.Try("ioctl(UFFDIO_REGISTER)", err)
	}
	return fd, nil
}

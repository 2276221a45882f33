//go:build linux

package kernel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// rootMode are the permissions of a served root, which identify it.
const rootMode = 0o751

// mounted mounts a file system for as long as f runs. mount returns ENODEV for one that is not
// in the kernel (fs/namespace.c:3566).
func mounted(kind, options string, f func(dir string) error) error {
	dir, err := os.MkdirTemp("", "netstrip-")
	if err != nil {
		return probes.Try("mkdir", err)
	}
	defer os.Remove(dir) // not RemoveAll: it may still be mounted
	call := "mount(" + kind + ")"
	if err := unix.Mount("netstrip", dir, kind, unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return probes.Try(call, err, unix.ENODEV)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	return f(dir)
}

// isServed checks the root of the file system that a program serves.
func isServed(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && info.Mode().Perm() != rootMode {
		err = fmt.Errorf("the root has mode %v, not the one that is served", info.Mode())
	}
	return probes.Try("stat", err)
}

// openDevice opens a device by its number, whether or not it is in /dev: opening may load its
// module. open returns ENODEV or ENXIO for a number without a driver
// (drivers/char/misc.c:122, fs/char_dev.c:388, fs/inode.c:145).
func openDevice(name string, mode, major, minor uint32) (int, error) {
	dir, err := os.MkdirTemp("/dev", "netstrip-")
	if err != nil {
		return -1, probes.Try("mkdir", err)
	}
	defer os.RemoveAll(dir)
	node := filepath.Join(dir, "node")
	if err := unix.Mknod(node, mode|0o600, int(unix.Mkdev(major, minor))); err != nil {
		return -1, probes.Try("mknod", err)
	}
	fd, err := probes.Again(func() (int, error) { return unix.Open(node, unix.O_RDWR|unix.O_CLOEXEC, 0) })
	return fd, probes.Try(name, err, unix.ENODEV, unix.ENXIO)
}

// Numbers of FUSE (include/uapi/linux/fuse.h:590).
const (
	fuseForget  = 2
	fuseGetattr = 3
	fuseInit    = 26
	miscMajor   = 10
	fuseMinor   = 229
)

func serveFuse(context.Context) (probes.Answer, error) {
	fd, err := openDevice("/dev/fuse", unix.S_IFCHR, miscMajor, fuseMinor)
	if err != nil {
		return probes.Answer{}, err
	}
	served := make(chan error, 1)
	err = mounted("fuse", fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd), func(dir string) error {
		go func() { served <- fuseServer(fd) }()
		return isServed(dir)
	})
	if err == nil {
		err = <-served // ends when the file system is unmounted
	}
	unix.Close(fd)
	return probes.Answer{Call: "/dev/fuse", Detail: "a file system was served and mounted, and its root read"}, err
}

// fuseServer answers the kernel's requests until ENODEV says that the file system is no longer
// mounted.
func fuseServer(fd int) error {
	buf := make([]byte, 64<<10)
	le := binary.NativeEndian
	for {
		n, err := probes.Again(func() (int, error) { return unix.Read(fd, buf) })
		if errors.Is(err, unix.ENODEV) {
			return nil
		}
		if err != nil || n < 40 {
			return probes.Try("read(/dev/fuse)", err)
		}
		reply := make([]byte, 16) // length, error, number of the request
		copy(reply[8:], buf[8:16])
		switch le.Uint32(buf[4:]) {
		case fuseForget:
			continue
		case fuseInit:
			reply = append(reply, make([]byte, 64)...)
			le.PutUint32(reply[16:], 7)       // version 7.31
			le.PutUint32(reply[20:], 31)      // (include/uapi/linux/fuse.h:888)
			le.PutUint32(reply[16+20:], 4096) // the longest write
		case fuseGetattr:
			reply = append(reply, make([]byte, 104)...)
			le.PutUint64(reply[32:], 1)                        // inode
			le.PutUint32(reply[32+60:], unix.S_IFDIR|rootMode) // mode
			le.PutUint32(reply[32+64:], 2)                     // links
		default:
			le.PutUint32(reply[4:], ^uint32(unix.ENOSYS)+1)
		}
		le.PutUint32(reply, uint32(len(reply)))
		if _, err := unix.Write(fd, reply); err != nil && !errors.Is(err, unix.ENOENT) {
			return probes.Try("write(/dev/fuse)", err)
		}
	}
}

// Messages of 9P2000.L (include/net/9p/9p.h:113); a reply has the next number.
const (
	p9Getattr = 24
	p9Version = 100
	p9Attach  = 104
	p9Walk    = 110
	p9Clunk   = 120
	p9Error   = 6
)

func serve9P(context.Context) (probes.Answer, error) {
	requests, err := sock.Pipe()
	if err != nil {
		return probes.Answer{}, err
	}
	replies, err := sock.Pipe()
	if err != nil {
		requests.Close()
		return probes.Answer{}, err
	}
	served := make(chan error, 1)
	go func() { served <- p9Server(requests.A, replies.B) }()
	err = mounted("9p", fmt.Sprintf("trans=fd,rfdno=%d,wfdno=%d,version=9p2000.L", replies.A, requests.B), isServed)
	// The kernel has closed its ends by now; once ours are closed too, the server ends.
	unix.Close(requests.B)
	unix.Close(replies.A)
	if serr := <-served; err == nil {
		err = serr
	}
	unix.Close(requests.A)
	unix.Close(replies.B)
	return probes.Answer{Call: "mount(9p)", Detail: "a file system was served and mounted, and its root read"}, err
}

// p9Server answers the requests of one pipe through the other, until the first is closed.
func p9Server(in, out int) error {
	buf := make([]byte, 64<<10)
	for {
		// The kernel writes each request at once, and waits for the reply before the next.
		n, err := probes.Again(func() (int, error) { return unix.Read(in, buf) })
		if err != nil || n < 7 {
			return probes.Try("read(9p)", err)
		}
		kind, tag := buf[4], buf[5:7]
		body := p9Reply(kind, buf[7:n])
		if body == nil {
			kind, body = p9Error, binary.LittleEndian.AppendUint32(nil, uint32(unix.EOPNOTSUPP))
		}
		reply := binary.LittleEndian.AppendUint32(nil, uint32(7+len(body)))
		reply = slices.Concat(reply, []byte{kind + 1}, tag, body)
		if _, err := probes.Again(func() (int, error) { return unix.Write(out, reply) }); err != nil {
			return probes.Try("write(9p)", err)
		}
	}
}

// p9Reply returns the body of the reply to a request, nil if the reply is an error.
func p9Reply(kind byte, body []byte) []byte {
	qid := append([]byte{0x80}, make([]byte, 12)...) // a directory
	le := binary.LittleEndian
	switch kind {
	case p9Version:
		return body // the size and version that were asked for
	case p9Attach:
		return qid
	case p9Walk:
		return []byte{0, 0}
	case p9Clunk:
		return []byte{}
	case p9Getattr:
		r := le.AppendUint64(nil, 0x7ff) // all that stat(2) has
		r = append(r, qid...)
		r = le.AppendUint32(r, unix.S_IFDIR|rootMode)
		r = append(r, make([]byte, 8)...) // owner
		r = le.AppendUint64(r, 2)         // links
		return append(r, make([]byte, 8*14)...)
	}
	return nil
}

//go:build linux

package socket

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// unixConnection connects through a listener and passes both ends to check.
func unixConnection(typ int, check func(sock.Pair) error, abstract bool) func(context.Context) (probes.Answer, error) {
	return probes.InDir(func(dir string) (probes.Answer, error) {
		at := &unix.SockaddrUnix{Name: filepath.Join(dir, "socket")}
		if abstract {
			// x/sys writes the leading zero byte of an abstract name as @.
			at.Name = fmt.Sprintf("@netstrip-%d-%d", os.Getpid(), time.Now().UnixNano())
		}
		p, err := sock.Connected(unix.AF_UNIX, typ, at)
		if err != nil {
			return probes.Answer{}, err
		}
		defer p.Close()
		return probes.Answer{
			Call:   sock.Call("socket", unix.AF_UNIX, typ),
			Detail: "bytes went each way and arrived as sent",
		}, check(p)
	})
}

func unixDatagrams(dir string) (probes.Answer, error) {
	p, err := sock.Datagrams(unix.AF_UNIX,
		&unix.SockaddrUnix{Name: filepath.Join(dir, "a")},
		&unix.SockaddrUnix{Name: filepath.Join(dir, "b")})
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	return probes.Answer{
		Call:   sock.Call("socket", unix.AF_UNIX, unix.SOCK_DGRAM),
		Detail: "two datagrams went each way and arrived as sent",
	}, p.Messages()
}

func unixSocketpair(context.Context) (probes.Answer, error) {
	p, err := sock.Socketpair(unix.SOCK_STREAM)
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	return probes.Answer{
		Call:   sock.Call("socketpair", unix.AF_UNIX, unix.SOCK_STREAM),
		Detail: "64 KiB went each way and arrived as sent",
	}, p.Stream()
}

// passDescriptor passes the read end of a pipe, closes its own copy, and reads from the one that
// arrived.
func passDescriptor(context.Context) (probes.Answer, error) {
	p, err := sock.Socketpair(unix.SOCK_STREAM)
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return probes.Answer{}, probes.Try("pipe", err)
	}
	defer w.Close()
	_, err = probes.Again(func() (int, error) {
		return unix.SendmsgN(p.A, []byte{'x'}, unix.UnixRights(int(r.Fd())), nil, 0)
	})
	r.Close()
	if err != nil {
		return probes.Answer{}, probes.Try("sendmsg(SCM_RIGHTS)", err)
	}
	fd, err := receiveDescriptor(p.B)
	if err != nil {
		return probes.Answer{}, err
	}
	defer unix.Close(fd)
	return probes.Answer{
		Call:   "sendmsg(SCM_RIGHTS)",
		Detail: "one end of a pipe was passed, and read from",
	}, sock.Flow(int(w.Fd()), fd, probes.Pattern(100))
}

// receiveDescriptor returns the one descriptor that comes with the next byte.
func receiveDescriptor(from int) (int, error) {
	const call = "recvmsg(SCM_RIGHTS)"
	buf, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	n, err := probes.Again(func() (int, error) {
		_, n, _, _, err := unix.Recvmsg(from, buf, oob, unix.MSG_CMSG_CLOEXEC)
		return n, err
	})
	if err != nil {
		return -1, probes.Try(call, err)
	}
	control, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(control) != 1 {
		return -1, probes.Wrong(call, "%d control messages (%v), want one", len(control), err)
	}
	fds, err := unix.ParseUnixRights(&control[0])
	if err != nil || len(fds) != 1 {
		return -1, probes.Wrong(call, "%d descriptors (%v), want one", len(fds), err)
	}
	return fds[0], nil
}

func peerCredentials(context.Context) (probes.Answer, error) {
	p, err := sock.Socketpair(unix.SOCK_STREAM)
	if err != nil {
		return probes.Answer{}, err
	}
	defer p.Close()
	const call = "getsockopt(SO_PEERCRED)"
	got, err := unix.GetsockoptUcred(p.A, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return probes.Answer{}, probes.Try(call, err)
	}
	want := unix.Ucred{Pid: int32(os.Getpid()), Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid())}
	if *got != want {
		return probes.Answer{}, probes.Wrong(call, "the peer is %+v, want %+v", *got, want)
	}
	return probes.Answer{Call: call, Detail: "the peer is this process"}, nil
}

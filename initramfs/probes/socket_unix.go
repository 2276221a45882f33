//go:build linux

package probes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

func unixProbes() []Probe {
	return []Probe{
		{
			ID:       "socket/unix/stream",
			Question: "Does a stream through a Unix socket in the file system carry bytes both ways?",
			ask:      unixConnection(unix.SOCK_STREAM, pair.streamAll, false),
		},
		{
			ID:       "socket/unix/datagram",
			Question: "Do Unix datagrams arrive one by one and whole?",
			ask:      unixDatagrams,
		},
		{
			ID:       "socket/unix/seqpacket",
			Question: "Do Unix sequenced packets arrive one by one and whole?",
			ask:      unixConnection(unix.SOCK_SEQPACKET, pair.messages, false),
		},
		{
			ID:       "socket/unix/abstract",
			Question: "Can a Unix socket have a name outside the file system?",
			ask:      unixConnection(unix.SOCK_STREAM, pair.streamAll, true),
		},
		{
			ID:       "socket/unix/socketpair",
			Question: "Does socketpair(2) make two ends that carry bytes both ways?",
			ask:      unixSocketpair,
		},
		{
			ID:       "socket/unix/scm-rights",
			Question: "Can an open file be handed over through a Unix socket?",
			ask:      passDescriptor,
		},
		{
			ID:       "socket/unix/so-peercred",
			Question: "Does a Unix socket tell who is at the other end?",
			ask:      peerCredentials,
		},
	}
}

func (p pair) streamAll() error { return p.stream(streamBytes) }

// unixConnection makes a connection through a listener and lets check talk over it.
func unixConnection(typ int, check func(pair) error, abstract bool) func(context.Context) (answer, error) {
	return func(context.Context) (answer, error) {
		dir, err := os.MkdirTemp("", "netstrip-")
		if err != nil {
			return answer{}, try("mkdir", err)
		}
		defer os.RemoveAll(dir)
		at := &unix.SockaddrUnix{Name: filepath.Join(dir, "socket")}
		if abstract {
			// x/sys writes the leading zero byte of an abstract name as @.
			at.Name = fmt.Sprintf("@netstrip-%d-%d", os.Getpid(), time.Now().UnixNano())
		}
		p, err := connected(unix.AF_UNIX, typ, at)
		if err != nil {
			return answer{}, err
		}
		defer p.close()
		return answer{
			call:   socketCall("socket", unix.AF_UNIX, typ),
			detail: "bytes went each way and arrived as sent",
		}, check(p)
	}
}

func unixDatagrams(context.Context) (answer, error) {
	dir, err := os.MkdirTemp("", "netstrip-")
	if err != nil {
		return answer{}, try("mkdir", err)
	}
	defer os.RemoveAll(dir)
	p, err := datagramPair(unix.AF_UNIX,
		&unix.SockaddrUnix{Name: filepath.Join(dir, "a")},
		&unix.SockaddrUnix{Name: filepath.Join(dir, "b")})
	if err != nil {
		return answer{}, err
	}
	defer p.close()
	return answer{
		call:   socketCall("socket", unix.AF_UNIX, unix.SOCK_DGRAM),
		detail: "two datagrams went each way and arrived as sent",
	}, p.messages()
}

// socketpair is socketpair(2): a call of its own, which other families refuse and
// which programs use that never call socket(2) (nginx, Erlang, squid).
func socketpair(typ int) (pair, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return pair{}, try(socketCall("socketpair", unix.AF_UNIX, typ), err, unix.ENOSYS, unix.EAFNOSUPPORT)
	}
	p := pair{a: fds[0], b: fds[1]}
	for _, fd := range fds {
		if err := setPatience(fd); err != nil {
			p.close()
			return pair{}, err
		}
	}
	return p, nil
}

func unixSocketpair(context.Context) (answer, error) {
	p, err := socketpair(unix.SOCK_STREAM)
	if err != nil {
		return answer{}, err
	}
	defer p.close()
	return answer{
		call:   socketCall("socketpair", unix.AF_UNIX, unix.SOCK_STREAM),
		detail: "64 KiB went each way and arrived as sent",
	}, p.stream(streamBytes)
}

// passDescriptor hands over the read end of a pipe, closes its own copy, and reads
// through what arrived.
func passDescriptor(context.Context) (answer, error) {
	p, err := socketpair(unix.SOCK_STREAM)
	if err != nil {
		return answer{}, err
	}
	defer p.close()
	r, w, err := os.Pipe()
	if err != nil {
		return answer{}, try("pipe", err)
	}
	defer w.Close()
	_, err = again(func() (int, error) {
		return unix.SendmsgN(p.a, []byte{'x'}, unix.UnixRights(int(r.Fd())), nil, 0)
	})
	r.Close()
	if err != nil {
		return answer{}, try("sendmsg(SCM_RIGHTS)", err)
	}
	fd, err := receiveDescriptor(p.b)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(fd)
	return answer{
		call:   "sendmsg(SCM_RIGHTS)",
		detail: "a pipe's end was handed over and read through",
	}, flow(int(w.Fd()), fd, pattern(100))
}

// receiveDescriptor takes the one descriptor that comes with the next byte.
func receiveDescriptor(from int) (int, error) {
	const call = "recvmsg(SCM_RIGHTS)"
	buf, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	n, err := again(func() (int, error) {
		_, n, _, _, err := unix.Recvmsg(from, buf, oob, unix.MSG_CMSG_CLOEXEC)
		return n, err
	})
	if err != nil {
		return -1, try(call, err)
	}
	control, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(control) != 1 {
		return -1, wrong(call, "%d control messages (%v), want one", len(control), err)
	}
	fds, err := unix.ParseUnixRights(&control[0])
	if err != nil || len(fds) != 1 {
		return -1, wrong(call, "%d descriptors (%v), want one", len(fds), err)
	}
	return fds[0], nil
}

func peerCredentials(context.Context) (answer, error) {
	p, err := socketpair(unix.SOCK_STREAM)
	if err != nil {
		return answer{}, err
	}
	defer p.close()
	const call = "getsockopt(SO_PEERCRED)"
	got, err := unix.GetsockoptUcred(p.a, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return answer{}, try(call, err)
	}
	want := unix.Ucred{Pid: int32(os.Getpid()), Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid())}
	if *got != want {
		return answer{}, wrong(call, "the other end is %+v, which should be %+v", *got, want)
	}
	return answer{call: call, detail: "the other end is this very process, and it says so"}, nil
}

//go:build linux

package kernel

import (
	"bytes"
	"context"
	"crypto/sha256"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// hashSocket asks for SHA-256. bind returns ENOENT for a type of algorithm, or an algorithm of
// that type, that is not in the kernel (crypto/af_alg.c:45).
func hashSocket(fd int) (probes.Answer, error) {
	if err := unix.Bind(fd, &unix.SockaddrALG{Type: "hash", Name: "sha256"}); err != nil {
		return probes.Answer{}, probes.Try("bind(hash, sha256)", err, unix.ENOENT)
	}
	// unix.Accept fails, because this family has no addresses.
	op, err := probes.Syscall(unix.SYS_ACCEPT, uintptr(fd), 0, 0)
	if err != nil {
		return probes.Answer{}, probes.Try("accept", err)
	}
	defer unix.Close(op)
	if _, err := unix.Write(op, probes.Pattern(1000)); err != nil {
		return probes.Answer{}, probes.Try("write", err)
	}
	got := make([]byte, 100)
	n, err := probes.Again(func() (int, error) { return unix.Read(op, got) }) // not pollable
	if want := sha256.Sum256(probes.Pattern(1000)); err == nil && !bytes.Equal(got[:n], want[:]) {
		err = probes.Wrong("read", "%x is not the hash", got[:n])
	}
	return probes.Answer{Call: sock.Call("socket", unix.AF_ALG, unix.SOCK_SEQPACKET), Detail: "the kernel returned the right hash"}, probes.Try("read", err)
}

// vsockStream binds the address of the machine itself, which does not exist without a transport
// for it (net/vmw_vsock/af_vsock.c:785).
func vsockStream(context.Context) (probes.Answer, error) {
	at := &unix.SockaddrVM{CID: unix.VMADDR_CID_LOCAL, Port: unix.VMADDR_PORT_ANY}
	p, err := sock.Connected(unix.AF_VSOCK, unix.SOCK_STREAM, at)
	if err != nil {
		return probes.Answer{}, probes.GoneAs(err, unix.ENOSYS, unix.EAFNOSUPPORT, unix.EADDRNOTAVAIL)
	}
	defer p.Close()
	return probes.Answer{
		Call:   sock.Call("socket", unix.AF_VSOCK, unix.SOCK_STREAM),
		Detail: "64 KiB went each way and arrived as sent",
	}, p.Stream()
}

//go:build linux

package probes

import (
	"bytes"
	"context"
	"crypto/sha256"

	"golang.org/x/sys/unix"
)

// familyProbes ask for socket families that carry no packets.
func familyProbes() []Probe {
	return []Probe{
		{
			ID:       "kernel/af-alg",
			Question: "Does the kernel compute a hash for a program that asks through a socket?",
			ask:      hashSocket,
		},
		{
			ID:       "kernel/vsock",
			Question: "Does a stream of the family between guests and hosts carry bytes to itself?",
			ask:      vsockStream,
		},
	}
}

// hashSocket asks for SHA-256. ENOENT is what bind says to a kind of algorithm that is
// not in the kernel, or to one of that kind (crypto/af_alg.c:45).
func hashSocket(context.Context) (answer, error) {
	fd, err := socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrALG{Type: "hash", Name: "sha256"}); err != nil {
		return answer{}, try("bind(hash, sha256)", err, unix.ENOENT)
	}
	// unix.Accept does not know an address of this family, of which there is none.
	op, err := syscallOf(unix.SYS_ACCEPT, uintptr(fd), 0, 0)
	if err != nil {
		return answer{}, try("accept", err)
	}
	defer unix.Close(op)
	if _, err := unix.Write(op, pattern(1000)); err != nil {
		return answer{}, try("write", err)
	}
	got := make([]byte, 100)
	n, err := again(func() (int, error) { return unix.Read(op, got) }) // it cannot be polled for
	if want := sha256.Sum256(pattern(1000)); err == nil && !bytes.Equal(got[:n], want[:]) {
		err = wrong("read", "%x is not the hash", got[:n])
	}
	return answer{call: socketCall("socket", unix.AF_ALG, unix.SOCK_SEQPACKET), detail: "the hash came, and it is right"}, try("read", err)
}

// vsockStream binds the address that stands for the machine itself, which is none
// without a transport for it (net/vmw_vsock/af_vsock.c:785).
func vsockStream(context.Context) (answer, error) {
	at := &unix.SockaddrVM{CID: unix.VMADDR_CID_LOCAL, Port: unix.VMADDR_PORT_ANY}
	p, err := connected(unix.AF_VSOCK, unix.SOCK_STREAM, at)
	if err != nil {
		return answer{}, goneAs(err, unix.ENOSYS, unix.EAFNOSUPPORT, unix.EADDRNOTAVAIL)
	}
	defer p.close()
	return answer{
		call:   socketCall("socket", unix.AF_VSOCK, unix.SOCK_STREAM),
		detail: "64 KiB went each way and arrived as sent",
	}, p.stream(streamBytes)
}

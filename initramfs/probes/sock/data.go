//go:build linux

package sock

import (
	"bytes"
	"io"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
)

// streamBytes is how much goes through a stream each way: more than the first window of a TCP
// connection, so acknowledgements and window updates must work too.
const streamBytes = 64 << 10

// Descriptor reads and writes as an os.File does, without the runtime's poller.
type Descriptor int

func (d Descriptor) Read(p []byte) (int, error) {
	n, err := probes.Again(func() (int, error) { return unix.Read(int(d), p) })
	if err == nil && n == 0 {
		err = io.EOF
	}
	return max(n, 0), err
}

func (d Descriptor) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n, err := probes.Again(func() (int, error) { return unix.Write(int(d), p[done:]) })
		if err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}

// Stream sends streamBytes each way and checks each of them.
func (p Pair) Stream() error {
	if err := Flow(p.A, p.B, probes.Pattern(streamBytes)); err != nil {
		return err
	}
	return Flow(p.B, p.A, probes.Pattern(streamBytes))
}

// Flow sends data from one end while it reads and checks it at the other.
func Flow(from, to int, data []byte) error {
	sent := make(chan error, 1)
	go func() {
		_, err := Descriptor(from).Write(data)
		sent <- probes.Try("write", err)
	}()
	err := Receive(to, data)
	// Always wait for the writer: otherwise it could go on writing to a descriptor that by then
	// belongs to another probe.
	if werr := <-sent; err == nil {
		err = werr
	}
	return err
}

// Receive reads as many bytes as data has, and checks that they are the same.
func Receive(from int, data []byte) error {
	got := make([]byte, 0, len(data))
	buf := make([]byte, 16<<10)
	for len(got) < len(data) {
		n, err := probes.Again(func() (int, error) { return unix.Read(from, buf) })
		if err != nil {
			return probes.Try("read", err)
		}
		if n == 0 {
			return probes.Wrong("read", "end of stream after %d of %d bytes", len(got), len(data))
		}
		got = append(got, buf[:n]...)
	}
	if !bytes.Equal(got, data) {
		return probes.Wrong("read", "got other bytes than were sent")
	}
	return nil
}

// Messages sends two messages of different size each way and checks that each arrives
// separately and whole.
func (p Pair) Messages() error {
	for _, way := range [][2]int{{p.A, p.B}, {p.B, p.A}} {
		sent := [][]byte{slices.Concat(p.Head, probes.Pattern(1000)), slices.Concat(p.Head, probes.Pattern(37))}
		for _, m := range sent {
			if _, err := probes.Again(func() (int, error) { return unix.Write(way[0], m) }); err != nil {
				return probes.Try("write", err)
			}
		}
		for _, m := range sent {
			buf := make([]byte, 2048)
			n, err := probes.Again(func() (int, error) { return unix.Read(way[1], buf) })
			if err != nil {
				return probes.Try("read", err)
			}
			if !bytes.Equal(buf[:n], m) {
				return probes.Wrong("read", "got a message of %d bytes that is not the one of %d sent", n, len(m))
			}
		}
	}
	return nil
}

// Await receives from a socket, at most 256 times, until match accepts the data.
func Await(fd int, match func(data []byte, from unix.Sockaddr) bool) error {
	buf := make([]byte, 16<<10)
	for range 256 {
		var from unix.Sockaddr
		n, err := probes.Again(func() (n int, err error) {
			n, from, err = unix.Recvfrom(fd, buf, 0)
			return n, err
		})
		if err != nil {
			return probes.Try("recvfrom", err)
		}
		if match(buf[:n], from) {
			return nil
		}
	}
	return probes.Wrong("recvfrom", "256 packets came, but not the expected one")
}

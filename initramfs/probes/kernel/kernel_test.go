//go:build linux

package kernel

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/packet"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// The tests send the three servers the same messages as the kernel.
func TestNBDServer(t *testing.T) {
	p, err := sock.Socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	defer p.Close()
	ended := make(chan error, 1)
	go func() { ended <- nbdServer(sock.Descriptor(p.B)) }()
	request := make([]byte, 28)
	copy(request[8:], "a number")
	binary.BigEndian.PutUint32(request[24:], 2*nbdBlock)
	_, err = sock.Descriptor(p.A).Write(request)
	require.NoError(t, err)
	reply := make([]byte, 16+2*nbdBlock)
	_, err = io.ReadFull(sock.Descriptor(p.A), reply)
	require.NoError(t, err)
	assert.Equal(t, uint32(nbdReply), binary.BigEndian.Uint32(reply))
	assert.Zero(t, binary.BigEndian.Uint32(reply[4:]))
	assert.Equal(t, "a number", string(reply[8:16]))
	assert.Equal(t, slices.Concat(probes.Pattern(nbdBlock), probes.Pattern(nbdBlock)), reply[16:])
	request[7] = 2 // NBD_CMD_DISC
	_, err = sock.Descriptor(p.A).Write(request)
	require.NoError(t, err)
	require.NoError(t, <-ended)
}

func Test9PServer(t *testing.T) {
	p, err := sock.Socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	defer p.Close()
	ended := make(chan error, 1)
	go func() { ended <- p9Server(p.B, p.B) }()
	for _, tc := range []struct{ request, reply []byte }{
		{[]byte{13, 0, 0, 0, p9Version, 9, 8, 'v', 'e', 'r', 's', 'i', 'o'}, []byte{13, 0, 0, 0, p9Version + 1, 9, 8, 'v', 'e', 'r', 's', 'i', 'o'}},
		{[]byte{11, 0, 0, 0, p9Clunk, 1, 2, 0, 0, 0, 0}, []byte{7, 0, 0, 0, p9Clunk + 1, 1, 2}},
		{[]byte{7, 0, 0, 0, 99, 1, 2}, []byte{11, 0, 0, 0, p9Error + 1, 1, 2, byte(unix.EOPNOTSUPP), 0, 0, 0}},
	} {
		_, err := sock.Descriptor(p.A).Write(tc.request)
		require.NoError(t, err)
		require.NoError(t, sock.Receive(p.A, tc.reply), "%v", tc.request)
	}
	require.NoError(t, unix.Shutdown(p.A, unix.SHUT_WR))
	require.NoError(t, <-ended)
	attributes := p9Reply(p9Getattr, nil)
	assert.Len(t, attributes, 8+13+4+8+8+14*8)
	assert.Equal(t, uint32(unix.S_IFDIR|rootMode), binary.LittleEndian.Uint32(attributes[21:]))
}

func TestIPv4Packet(t *testing.T) {
	echo := packet.Echo(packet.EchoRequest, 1, 2, probes.Pattern(9))
	p := ipv4Packet([4]byte{192, 0, 2, 2}, [4]byte{192, 0, 2, 1}, echo)
	assert.Zero(t, packet.Checksum(p[:20]))
	assert.Equal(t, uint16(len(p)), binary.BigEndian.Uint16(p[2:]))
	assert.Equal(t, echo, packet.ICMP(p))
}

func TestIsRenamed(t *testing.T) {
	const name = "netstrip-probe\x00\x00"
	m := make([]byte, cnHeader+procHeader+8+len(name))
	binary.NativeEndian.PutUint32(m[cnHeader:], procComm)
	binary.NativeEndian.PutUint32(m[cnHeader+procHeader:], 77)
	copy(m[cnHeader+procHeader+8:], name)
	assert.True(t, isRenamed(m, 77, name))
	assert.False(t, isRenamed(m, 78, name), "another thread")
	assert.False(t, isRenamed(m, 77, "another-probe\x00\x00\x00"))
	assert.False(t, isRenamed(m[:len(m)-1], 77, name), "cut short")
	assert.False(t, isRenamed(bytes.Replace(m, []byte{0, 2}, []byte{0, 4}, 1), 77, name), "another event")
}

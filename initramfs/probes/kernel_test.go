//go:build linux

package probes

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The three servers are spoken to as the kernel speaks to them.
func TestNBDServer(t *testing.T) {
	p, err := socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	defer p.close()
	ended := make(chan error, 1)
	go func() { ended <- nbdServer(descriptor(p.b)) }()
	request := make([]byte, 28)
	copy(request[8:], "a number")
	binary.BigEndian.PutUint32(request[24:], 2*nbdBlock)
	_, err = descriptor(p.a).Write(request)
	require.NoError(t, err)
	reply := make([]byte, 16+2*nbdBlock)
	_, err = io.ReadFull(descriptor(p.a), reply)
	require.NoError(t, err)
	assert.Equal(t, uint32(nbdReply), binary.BigEndian.Uint32(reply))
	assert.Zero(t, binary.BigEndian.Uint32(reply[4:]))
	assert.Equal(t, "a number", string(reply[8:16]))
	assert.Equal(t, slices.Concat(pattern(nbdBlock), pattern(nbdBlock)), reply[16:])
	request[7] = 2 // NBD_CMD_DISC
	_, err = descriptor(p.a).Write(request)
	require.NoError(t, err)
	require.NoError(t, <-ended)
}

func Test9PServer(t *testing.T) {
	p, err := socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	defer p.close()
	ended := make(chan error, 1)
	go func() { ended <- p9Server(p.b, p.b) }()
	for _, tc := range []struct{ request, reply []byte }{
		{[]byte{13, 0, 0, 0, p9Version, 9, 8, 'v', 'e', 'r', 's', 'i', 'o'}, []byte{13, 0, 0, 0, p9Version + 1, 9, 8, 'v', 'e', 'r', 's', 'i', 'o'}},
		{[]byte{11, 0, 0, 0, p9Clunk, 1, 2, 0, 0, 0, 0}, []byte{7, 0, 0, 0, p9Clunk + 1, 1, 2}},
		{[]byte{7, 0, 0, 0, 99, 1, 2}, []byte{11, 0, 0, 0, p9Error + 1, 1, 2, byte(unix.EOPNOTSUPP), 0, 0, 0}},
	} {
		_, err := descriptor(p.a).Write(tc.request)
		require.NoError(t, err)
		require.NoError(t, receive(p.a, tc.reply), "%v", tc.request)
	}
	require.NoError(t, unix.Shutdown(p.a, unix.SHUT_WR))
	require.NoError(t, <-ended)
	attributes := p9Reply(p9Getattr, nil)
	assert.Len(t, attributes, 8+13+4+8+8+14*8)
	assert.Equal(t, uint32(unix.S_IFDIR|rootMode), binary.LittleEndian.Uint32(attributes[21:]))
}

func TestIPv4Packet(t *testing.T) {
	echo := echoMessage(icmpEchoRequest, 1, 2, pattern(9))
	p := ipv4Packet([4]byte{192, 0, 2, 2}, [4]byte{192, 0, 2, 1}, echo)
	assert.Zero(t, checksum(p[:20]))
	assert.Equal(t, uint16(len(p)), binary.BigEndian.Uint16(p[2:]))
	assert.Equal(t, echo, icmpPart(p))
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

// A failed call inside a longer question keeps its own name.
func TestTryKeepsTheFirstCall(t *testing.T) {
	f := answer{}.finding(try("outer", try("inner", unix.ENOSYS, unix.ENOSYS)))
	assert.Equal(t, "inner", f.Call)
	assert.Equal(t, "inner: function not implemented", f.Detail)
	assert.Equal(t, "EADDRNOTAVAIL", answer{}.finding(goneAs(try("bind", unix.EADDRNOTAVAIL), unix.EADDRNOTAVAIL)).Errno)
	assert.EqualValues(t, "absent", answer{}.finding(goneAs(try("bind", unix.EADDRNOTAVAIL), unix.EADDRNOTAVAIL)).Verdict)
	assert.EqualValues(t, "inconclusive", answer{}.finding(goneAs(try("bind", unix.EPERM), unix.EADDRNOTAVAIL)).Verdict)
}

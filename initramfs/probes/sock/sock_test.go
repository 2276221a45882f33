//go:build linux

package sock

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
)

// Flow notices every way in which bytes can be wrong.
func TestFlowNotices(t *testing.T) {
	p, err := Socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	defer p.Close()
	_, err = unix.Write(p.A, []byte("x"))
	require.NoError(t, err)
	assert.ErrorContains(t, Flow(p.A, p.B, probes.Pattern(100)), "other bytes")

	q, err := Socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	defer q.Close()
	require.NoError(t, unix.Shutdown(q.A, unix.SHUT_WR))
	_, err = unix.Write(q.B, []byte("abc"))
	require.NoError(t, err)
	require.NoError(t, unix.Shutdown(q.B, unix.SHUT_WR))
	assert.ErrorContains(t, Flow(p.A, q.A, probes.Pattern(100)), "after 3 of 100 bytes")
}

func TestMessagesNotice(t *testing.T) {
	// A stream has no message boundaries: two messages arrive as one.
	p, err := Socketpair(unix.SOCK_STREAM)
	require.NoError(t, err)
	defer p.Close()
	assert.ErrorContains(t, p.Messages(), "1037 bytes")
}

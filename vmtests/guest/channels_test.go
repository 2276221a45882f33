package guest

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A serial line returns what is written, byte by byte, up to its end.
func TestSerialEnd(t *testing.T) {
	e, err := openChannels()
	require.NoError(t, err)
	defer e.close()
	go func() {
		for _, b := range []byte("Linux version\n") {
			_, _ = e.console.guest.Write([]byte{b})
		}
		e.closeGuest()
	}()
	all, err := io.ReadAll(e.console.host)
	require.NoError(t, err)
	assert.Equal(t, "Linux version\n", string(all))
}

// Whoever waits for bytes that do not come is let go when the line is closed.
func TestSerialEndClosed(t *testing.T) {
	e, err := openChannels()
	require.NoError(t, err)
	defer e.close()
	read := make(chan error)
	go func() {
		_, err := e.fallback.host.Read(make([]byte, 1))
		read <- err
	}()
	require.NoError(t, e.fallback.host.Close())
	assert.ErrorIs(t, <-read, os.ErrClosed)
	assert.ErrorIs(t, e.fallback.host.Close(), os.ErrClosed, "and once is enough")
}

// Where no more descriptors can be had, nothing is opened, and nothing done to those of
// others: descriptor 0 stays as it is.
func TestNoMoreDescriptors(t *testing.T) {
	var old unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	zero, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	kept, err := unix.Dup(0)
	require.NoError(t, err)
	require.NoError(t, unix.Dup2(zero[0], 0)) // for the time of this test it is a socket
	defer func() {
		_ = unix.Dup2(kept, 0)
		for _, fd := range []int{kept, zero[0], zero[1]} {
			_ = unix.Close(fd)
		}
	}()
	room, err := unix.GetsockoptInt(0, unix.SOL_SOCKET, unix.SO_SNDBUF)
	require.NoError(t, err)
	free, err := unix.Dup(1)
	require.NoError(t, err)
	require.NoError(t, unix.Close(free))
	for more := range uint64(9) { // of twelve at least that are needed
		// One is taken, and the lowest free ones are as many as the limit leaves.
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free) + more, Max: old.Max}))
		e, err := openChannels()
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
		if err == nil { // others of this process were closed meanwhile
			e.close()
			continue
		}
		assert.ErrorIs(t, err, unix.EMFILE)
	}
	now, err := unix.GetsockoptInt(0, unix.SOL_SOCKET, unix.SO_SNDBUF)
	require.NoError(t, err)
	assert.Equal(t, room, now)
}

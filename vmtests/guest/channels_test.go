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
	e, err := openChannels(false)
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

// Closing the line ends a Read that waits for bytes.
func TestSerialEndClosed(t *testing.T) {
	e, err := openChannels(false)
	require.NoError(t, err)
	defer e.close()
	read := make(chan error)
	go func() {
		_, err := e.fallback.host.Read(make([]byte, 1))
		read <- err
	}()
	require.NoError(t, e.fallback.host.Close())
	assert.ErrorIs(t, <-read, os.ErrClosed)
	assert.ErrorIs(t, e.fallback.host.Close(), os.ErrClosed, "it is closed already")
}

// Without free descriptors nothing is opened, and other descriptors are left alone: descriptor 0
// does not change.
func TestNoMoreDescriptors(t *testing.T) {
	var old unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	zero, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	kept, err := unix.Dup(0)
	require.NoError(t, err)
	require.NoError(t, unix.Dup2(zero[0], 0)) // it is a socket during this test
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
	for more := range uint64(9) { // at least twelve are needed
		// The limit leaves this many descriptors free.
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free) + more, Max: old.Max}))
		e, err := openChannels(false)
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
		if err == nil { // this process closed others meanwhile
			e.close()
			continue
		}
		assert.ErrorIs(t, err, unix.EMFILE)
	}
	now, err := unix.GetsockoptInt(0, unix.SOL_SOCKET, unix.SO_SNDBUF)
	require.NoError(t, err)
	assert.Equal(t, room, now)
}

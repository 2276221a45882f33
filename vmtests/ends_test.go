package vmtests

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A serial line gives what is written, byte by byte, up to its end.
func TestSerialEnd(t *testing.T) {
	e, err := openEnds()
	require.NoError(t, err)
	defer e.close()
	go func() {
		for _, b := range []byte("Linux version\n") {
			_, _ = e.guest[0].Write([]byte{b})
		}
		e.closeGuest()
	}()
	all, err := io.ReadAll(e.host[0])
	require.NoError(t, err)
	assert.Equal(t, "Linux version\n", string(all))
}

// Whoever waits for bytes that do not come is let go when the line is closed.
func TestSerialEndClosed(t *testing.T) {
	e, err := openEnds()
	require.NoError(t, err)
	defer e.close()
	read := make(chan error)
	go func() {
		_, err := e.host[2].Read(make([]byte, 1))
		read <- err
	}()
	require.NoError(t, e.host[2].Close())
	assert.ErrorIs(t, <-read, os.ErrClosed)
	assert.ErrorIs(t, e.host[2].Close(), os.ErrClosed, "and once is enough")
}

package file

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Each is in the place of a regular file; a plain open of the FIFO would block the test for ever.
func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(fifo, link))
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer l.Close()
	for path, want := range map[string]string{
		fifo: "it is a FIFO", link: "it is a FIFO", dir: "it is a directory",
		socket: "it is a socket", "/dev/zero": "it is a device", "/dev/null": "it is a device",
	} {
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR | os.O_CREATE | os.O_APPEND, os.O_WRONLY} {
			_, err := OpenFile(path, flag, 0o644)
			require.ErrorIs(t, err, ErrIrregular, path)
			assert.ErrorContains(t, err, want+", not a regular file")
		}
		_, err := Read(path, 10)
		assert.ErrorIs(t, err, ErrIrregular, path)
	}
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ten")
	require.NoError(t, os.WriteFile(path, []byte("0123456789"), 0o600))
	data, err := Read(path, 10)
	require.NoError(t, err)
	assert.Equal(t, "0123456789", string(data))
	_, err = Read(path, 9)
	assert.ErrorIs(t, err, ErrTooLong)
	// This file is regular and has a size of 0.
	data, err = Read("/proc/self/status", 1<<20)
	require.NoError(t, err)
	assert.NotEmpty(t, data)
	_, err = Read("/proc/self/status", 9)
	assert.ErrorIs(t, err, ErrTooLong)
	_, err = Read(path+"-", 9)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

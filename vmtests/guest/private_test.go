package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

// QEMU's user can open the files it is passed, under any umask: a file in the cache, and one put
// there by an older netstrip.
func TestUmask(t *testing.T) {
	if _, err := exec.LookPath("setpriv"); err != nil && os.Getenv("NETSTRIP_REQUIRE_VM") == "" {
		t.Skip("QEMU IS NOT CONFINED: setpriv is missing")
	}
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	old := unix.Umask(0o077)
	entry, err := c.Publish(t.Context(), "kernel", "0123456789abcdef", func(dir string) error {
		f, err := os.Create(filepath.Join(dir, "bzImage"))
		if err == nil {
			err = f.Close()
		}
		return err
	})
	unix.Umask(old)
	require.NoError(t, err)
	kernel := filepath.Join(entry, "bzImage")
	reopens := func(f *os.File) {
		t.Helper()
		args := append(confine("tcg", 4, 5), "cat", "/proc/self/fd/3")
		cmd := exec.Command(args[0], args[1:]...)
		cmd.ExtraFiles = []*os.File{f, os.Stderr, os.Stderr}
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, string(out))
	}
	f, err := os.Open(kernel)
	require.NoError(t, err)
	defer f.Close()
	reopens(f)

	require.NoError(t, os.Chmod(kernel, 0o600))
	f, err = openForQEMU(kernel)
	require.NoError(t, err)
	defer f.Close()
	reopens(f)
}

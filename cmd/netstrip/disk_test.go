package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// mount mounts an empty file system of the given size in bytes.
func mount(t *testing.T, dir, size string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	err := unix.Mount("netstrip-test", dir, "tmpfs", 0, "mode=0755,size="+size)
	if errors.Is(err, unix.EPERM) {
		t.Skip("NO DISK IS FILLED: neither root nor, by way of a user namespace, allowed to mount one: run as root")
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
}

// namespaceEnv marks a test binary that was started in a namespace of its own.
const namespaceEnv = "NETSTRIP_TEST_NAMESPACE"

// enterNamespace starts the test binary anew where a user who is not root may mount, if
// there is such a thing here: in a user namespace, as the same user. Mount(8), by which that
// is found out, takes nobody but root.
func enterNamespace() {
	if os.Geteuid() == 0 || os.Getenv(namespaceEnv) != "" {
		return
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil || exec.Command(unshare, "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/tmp").Run() != nil {
		return
	}
	args := append([]string{unshare, "--map-current-user", "--keep-caps", "--mount"}, os.Args...)
	err = unix.Exec(unshare, args, append(os.Environ(), namespaceEnv+"=1"))
	fmt.Fprintln(os.Stderr, "starting the tests in a namespace:", err)
}

// fill takes all the room in dir but for some bytes.
func fill(t *testing.T, dir string, but int64) {
	t.Helper()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, int64(st.Bavail)*st.Bsize-but), 0o644))
}

func TestResultsIntoAFullDevice(t *testing.T) {
	p := newPlace(t, "initramfs")
	p.results = "/dev/full"
	oneLine(t, p.run("no-net").exits(t, 3), "/dev/full: it is a device, not a regular file")
	p.results = t.TempDir() + "/r.jsonl" // where to look for what is left
	p.assertNothingLeft(t)
}

// The image does not fit into the cache. Its entry stays away altogether.
func TestCacheOnAFullDisk(t *testing.T) {
	p := newPlace(t)
	user := p.cache
	p.cache = filepath.Join(t.TempDir(), "full")
	mount(t, p.cache, "1m")
	p.share(t, user, "kernel", "kernel-index", "source-hash")
	n := p.run("no-net").exits(t, 3)
	oneLine(t, n, "no space left on device")
	assert.Contains(t, n.stderr.String(), "building the initramfs: ")
	p.assertNothingLeft(t)
	images, err := filepath.Glob(p.cache + "/initramfs/*")
	require.NoError(t, err)
	assert.Empty(t, images)
}

// A cache that cannot be written to at all is told of before anything is done.
func TestCacheOnAReadOnlyDisk(t *testing.T) {
	p := newPlace(t)
	p.cache = filepath.Join(t.TempDir(), "readonly")
	mount(t, p.cache, "1m")
	require.NoError(t, unix.Mount("", p.cache, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	oneLine(t, p.run("no-net").exits(t, 3), "making the cache: mkdir "+p.cache+"/lock: read-only file system")
}

func TestResultsOnAReadOnlyDisk(t *testing.T) {
	p := newPlace(t, "initramfs")
	dir := filepath.Dir(p.results)
	mount(t, dir, "1m")
	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	oneLine(t, p.run("no-net").exits(t, 3), "opening the results: open "+p.results+": read-only file system")
	p.assertNothingLeft(t)
}

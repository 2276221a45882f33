package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// mount mounts an empty file system of the given size in bytes, which takes root.
func mount(t *testing.T, dir, size string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount the small file system that this fills")
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, unix.Mount("netstrip-test", dir, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
}

// fill takes all the room in dir but for some bytes.
func fill(t *testing.T, dir string, but int64) {
	t.Helper()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, int64(st.Bavail)*st.Bsize-but), 0o644))
}

func TestResultsRemovedDuringARun(t *testing.T) {
	for _, what := range []string{"directory", "file", "replaced"} {
		t.Run(what, func(t *testing.T) {
			p := newPlace(t, "initramfs")
			n := p.run(append(booted(), "--jobs", "1")...)
			n.start(t)
			when(t, "a boot", func() bool { return strings.Contains(strings.Join(p.running(), "\n"), "qemu-system") })
			want := "was removed while the run was under way"
			switch what {
			case "directory":
				require.NoError(t, os.RemoveAll(filepath.Dir(p.results)))
			case "file":
				require.NoError(t, os.Remove(p.results))
			case "replaced":
				want = "was replaced while the run was under way"
				require.NoError(t, os.Rename(p.results, p.results+".old"))
				require.NoError(t, os.WriteFile(p.results, nil, 0o644))
			}
			assert.Equal(t, 3, n.ended(t))
			oneLine(t, n, want)
			p.assertNothingLeft(t)
			if what == "directory" {
				assert.NoDirExists(t, filepath.Dir(p.results), "it is not made anew")
			}
		})
	}
}

// The plan still fits, and what comes after it does not.
func TestResultsOnAFullDisk(t *testing.T) {
	p := newPlace(t, "initramfs")
	dir := filepath.Dir(p.results)
	mount(t, dir, "1m")
	for _, room := range []int64{0, 8 << 10, 16 << 10, 24 << 10, 32 << 10} {
		fill(t, dir, room)
		n := p.run(append(booted(), "--jobs", "1")...).exits(t, 3)
		oneLine(t, n, "no space left on device")
		p.assertNothingLeft(t)
		t.Logf("with %d bytes left: %d boots recorded; %s", room, len(p.kept(t)), n.stderr.String())
		logs, err := filepath.Glob(dir + "/console/*")
		require.NoError(t, err)
		for _, log := range logs {
			text, err := os.ReadFile(log)
			require.NoError(t, err)
			assert.Contains(t, string(text), "reboot: ", "%s is whole", log)
		}
		require.NoError(t, os.Remove(filepath.Join(dir, "ballast")))
		require.NoError(t, os.RemoveAll(dir+"/console"))
		if room < 32<<10 {
			require.NoError(t, os.RemoveAll(p.results))
		}
	}
	// With room again, the last of them is finished.
	assertWhole(t, p.run("--resume").exits(t, 0).records(t))
}

func TestResultsIntoAFullDevice(t *testing.T) {
	p := newPlace(t, "initramfs")
	p.results = "/dev/full"
	oneLine(t, p.run("no-net").exits(t, 3), "/dev/full: no space left on device")
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

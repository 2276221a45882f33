package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
)

// needTools skips a test if the programs that it starts are not installed.
func needTools(t *testing.T, names ...string) {
	t.Helper()
	if err := process.Check(t.Context(), names...); err != nil {
		require.Empty(t, os.Getenv("NETSTRIP_REQUIRE_VM"), "NETSTRIP_REQUIRE_VM is set: %v", err)
		t.Skip(err)
	}
}

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	return c
}

// newTree makes a copy of the tree in testdata that a test may change.
func newTree(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	require.NoError(t, os.CopyFS(dir, os.DirFS("../kbuild/testdata/tree")))
	return dir
}

// newTarball packs the tree like a release tarball, with the named program.
func newTarball(t *testing.T, tree, ext, flag string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "linux"+ext)
	cmd := exec.Command("tar", "-c", flag, "-f", path, "-C", filepath.Dir(tree), filepath.Base(tree))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// openAt opens the source at path in a cache of its own.
func openAt(t *testing.T, path string) (*Source, error) {
	t.Helper()
	return Open(context.Background(), Options{Path: path, Cache: newCache(t)})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestNoSource(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // without apt
	_, err := Open(context.Background(), Options{Series: "9.99", Cache: newCache(t)})
	require.EqualError(t, err, "finding the source of Linux 9.99: there is none in /usr/src, "+
		"no apt with Debian's keys that could fetch it, and no release known at kernel.org; "+
		"name a tree or tarball with --source, or a download with --source-url and --source-sha256")
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	write(t, text, "no tarball")
	spaced := filepath.Join(dir, "my tree")
	write(t, filepath.Join(spaced, "Makefile"), "")
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{Path: dir + "/nosuch"}, "opening the kernel source: stat " + dir + "/nosuch: no such file or directory"},
		{Options{Path: text}, "opening the kernel source " + text + ": neither a directory nor a tarball, plain or compressed with xz, gzip or zstd"},
		{Options{Path: dir}, "opening the kernel tree " + dir + ": not a kernel source: it has no Makefile"},
		{Options{Path: spaced}, `opening the kernel tree "` + spaced + `": kbuild does not support paths with a space or a colon`},
		{Options{URL: "https://x/l.tar.xz"}, "--source-url and --source-sha256 go together: give both"},
		{Options{URL: "https://x/l.tar.xz", SHA256: "beef"}, "opening the kernel source: https://x/l.tar.xz needs its SHA-256, 64 hexadecimal digits, in --source-sha256"},
		{Options{SHA256: "beef"}, "--source-url and --source-sha256 go together: give both"},
		{Options{URL: "https://x/l.tar.xz", SHA256: "beef", Path: dir}, "--source and --source-url exclude each other"},
		{Options{Series: "../../etc"}, `--series or NETSTRIP_SERIES "../../etc": want a kernel series, such as 6.12`},
	} {
		tt.o.Cache = newCache(t)
		_, err := Open(context.Background(), tt.o)
		assert.EqualError(t, err, tt.want)
	}
}

func TestTreeNotClean(t *testing.T) {
	for _, left := range []string{".config", "include/config/auto.conf", "arch/x86/include/generated/asm/x.h"} {
		tree := newTree(t)
		_, err := openAt(t, tree)
		require.NoError(t, err)
		write(t, filepath.Join(tree, left), "")
		_, err = openAt(t, tree)
		require.ErrorContains(t, err, "opening the kernel tree "+tree+": not clean, it has ")
		require.ErrorContains(t, err, ": run make mrproper in it, or name a tarball")
	}
}

func TestTreeIdentity(t *testing.T) {
	tree := newTree(t)
	id := func() string {
		s, err := openAt(t, tree)
		require.NoError(t, err)
		return s.ID
	}
	seen := map[string]string{id(): "at first"}
	changed := func(what string) {
		now := id()
		require.NotContains(t, seen, now, what)
		seen[now] = what
	}
	first := id()
	assert.Contains(t, seen, first, "an untouched tree stays what it is")
	write(t, filepath.Join(tree, ".git/index"), "x")
	assert.Equal(t, first, id(), "git's own files do not count")

	write(t, filepath.Join(tree, "net/new.c"), "")
	changed("a new file")
	write(t, filepath.Join(tree, "net/new.c"), "int x;")
	changed("another size")
	past := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(tree, "net/new.c"), past, past))
	changed("another time")
	require.NoError(t, os.Rename(filepath.Join(tree, "net/new.c"), filepath.Join(tree, "net/old.c")))
	changed("another name")
	require.NoError(t, os.Chmod(filepath.Join(tree, "net/old.c"), 0o755))
	changed("another mode")
}

func TestTarballIsHashedOnce(t *testing.T) {
	needTools(t, "tar", "gzip")
	path := newTarball(t, newTree(t), ".tar.gz", "--gzip")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	when := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, when, when))
	c := newCache(t)
	open := func() string {
		s, err := Open(context.Background(), Options{Path: path, Cache: c})
		require.NoError(t, err)
		return s.ID
	}
	assert.Equal(t, hex.EncodeToString(sum[:]), open())

	// Only reading reveals other content with the same size and time.
	other := bytes.Clone(data)
	other[len(other)-1] ^= 1
	require.NoError(t, os.WriteFile(path, other, 0o644))
	require.NoError(t, os.Chtimes(path, when, when))
	assert.Equal(t, hex.EncodeToString(sum[:]), open(), "it was read again")

	require.NoError(t, os.Chtimes(path, when, when.Add(time.Nanosecond)))
	sum = sha256.Sum256(other)
	assert.Equal(t, hex.EncodeToString(sum[:]), open(), "it was not read again")
}

func TestUnpack(t *testing.T) {
	needTools(t, "tar", "make", "xz", "gzip", "zstd")
	for ext, flag := range map[string]string{".tar.xz": "--xz", ".tar.gz": "--gzip", ".tar.zst": "--zstd", ".tar": "--no-auto-compress"} {
		t.Run(ext, func(t *testing.T) {
			c := newCache(t)
			s, err := Open(context.Background(), Options{Path: newTarball(t, newTree(t), ext, flag), Cache: c, Series: "6.12"})
			require.NoError(t, err)
			assert.False(t, c.Has("source", s.ID), "opening must not unpack")
			tree, err := s.Tree(context.Background())
			require.NoError(t, err)
			want, err := os.ReadFile("../kbuild/testdata/tree/Makefile")
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(tree, "Makefile"))
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		})
	}
}

// nothingKept asserts that a failure left no entry of the kind, not even an incomplete one.
func nothingKept(t *testing.T, c *cache.Cache, kind string) {
	t.Helper()
	for _, dir := range []string{kind, "tmp"} {
		left, err := filepath.Glob(filepath.Join(c.Dir, dir, "*"))
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}

func TestUnpackFaults(t *testing.T) {
	needTools(t, "tar", "make", "xz", "gzip")
	fails := func(path, series, want string) {
		t.Helper()
		c := newCache(t)
		s, err := Open(context.Background(), Options{Path: path, Cache: c, Series: series})
		require.NoError(t, err)
		_, err = s.Tree(context.Background())
		require.EqualError(t, err, "unpacking "+path+": "+want)
		nothingKept(t, c, "source")
	}
	cut := func(path string) string {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, data[:len(data)/2], 0o644))
		return path
	}
	tree := newTree(t)
	fails(cut(newTarball(t, tree, ".tar.xz", "--xz")), "", "xz: (stdin): Unexpected end of input")
	fails(cut(newTarball(t, tree, ".tar.gz", "--gzip")), "", "gzip: stdin: unexpected end of file")
	fails(newTarball(t, tree, ".tar.xz", "--xz"), "6.1", "checking the source: it is Linux 6.12.1, not 6.1")
	notOne := filepath.Join(t.TempDir(), "tree")
	write(t, filepath.Join(notOne, "README"), "x")
	fails(newTarball(t, notOne, ".tar.gz", "--gzip"), "",
		"not a kernel source: it has no Makefile")
}

func TestUnpackCancelled(t *testing.T) {
	needTools(t, "tar", "xz", "make")
	c := newCache(t)
	s, err := Open(context.Background(), Options{Path: newTarball(t, newTree(t), ".tar.xz", "--xz"), Cache: c})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.Tree(ctx)
	require.ErrorIs(t, err, context.Canceled)
	nothingKept(t, c, "source")
}

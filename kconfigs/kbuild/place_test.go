package kbuild

import (
	"os"
	"path/filepath"
	"testing"

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
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/tree")))
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
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

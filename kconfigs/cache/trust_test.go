package cache

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// other is a user other than root and the one that runs the test.
const other = 54321

// asRoot skips a test unless it runs as root: only root can change the owners of files.
func asRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
}

// fullCache makes a cache with an entry that has a program.
func fullCache(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "cache")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "kconf", hexKey(1)), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kconf", hexKey(1), "serve"), []byte("#!/bin/sh\n"), 0o755))
	_, err := Open(dir)
	require.NoError(t, err, "a cache of one's own")
	return dir
}

// A cache is not trusted if another user owns it or a part of it.
func TestOpenRefusesAnothersCache(t *testing.T) {
	asRoot(t)
	for name, path := range map[string]string{
		"the cache": ".", "its parent": "..", "a kind": "kconf", "the locks": "lock",
		"an entry": "kconf/" + hexKey(1), "a program": "kconf/" + hexKey(1) + "/serve",
	} {
		t.Run(name, func(t *testing.T) {
			dir := fullCache(t)
			require.NoError(t, os.Chown(filepath.Join(dir, path), other, other))
			_, err := Open(dir)
			require.ErrorIs(t, err, ErrUntrusted)
			assert.ErrorContains(t, err, filepath.Clean(filepath.Join(dir, path))+" belongs to the user 54321")
			assert.ErrorContains(t, err, "NETSTRIP_TRUST_CACHE="+dir)
			t.Setenv(TrustEnv, filepath.Dir(dir))
			_, err = Open(dir)
			require.ErrorIs(t, err, ErrUntrusted, "another directory is trusted")
			t.Setenv(TrustEnv, dir)
			_, err = Open(dir)
			assert.NoError(t, err)
		})
	}
}

// Some programs that work in the cache have users of their own.
func TestOpenOfWhatAptLeaves(t *testing.T) {
	asRoot(t)
	dir := fullCache(t)
	for _, path := range []string{"apps-debs/" + hexKey(1) + "/partial", "tmp/apps-" + hexKey(1) + "/root"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, path), 0o755))
		require.NoError(t, os.Chown(filepath.Join(dir, path), other, other))
	}
	_, err := Open(dir)
	require.NoError(t, err)
	deb := filepath.Join(dir, "apps-debs", hexKey(1), "a.deb")
	require.NoError(t, os.WriteFile(deb, nil, 0o644))
	require.NoError(t, os.Chown(deb, other, other))
	_, err = Open(dir)
	require.ErrorIs(t, err, ErrUntrusted)
}

// A cache that everybody can write to is not trusted either, whoever owns it.
func TestOpenRefusesAWritableCache(t *testing.T) {
	for name, c := range map[string]struct {
		path    string
		mode    os.FileMode
		refused bool
	}{
		"by all":                   {".", 0o777, true},
		"by its group":             {".", 0o775, true},
		"a sticky cache":           {".", 0o777 | os.ModeSticky, true},
		"a parent, by all":         {"..", 0o777, true},
		"a sticky parent":          {"..", 0o777 | os.ModeSticky, false},
		"a parent, by its group":   {"..", 0o775, false},
		"a kind":                   {"kconf", 0o775, true},
		"an entry":                 {"kconf/" + hexKey(1), 0o775, true},
		"a program":                {"kconf/" + hexKey(1) + "/serve", 0o777, true},
		"a program, by one's own":  {"kconf/" + hexKey(1) + "/serve", 0o775, false},
		"a cache for oneself only": {".", 0o700, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := fullCache(t)
			path := filepath.Join(dir, c.path)
			require.NoError(t, os.Chmod(path, c.mode))
			t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
			_, err := Open(dir)
			if !c.refused {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrUntrusted)
			assert.ErrorContains(t, err, filepath.Clean(path)+" can be written by ")
		})
	}
}

// A link is trusted only if its owner and its target are.
func TestOpenLooksBehindLinks(t *testing.T) {
	asRoot(t)
	t.Run("to a cache of another", func(t *testing.T) {
		dir := fullCache(t)
		link := filepath.Join(t.TempDir(), "link")
		require.NoError(t, os.Symlink(dir, link))
		_, err := Open(link)
		require.NoError(t, err)
		require.NoError(t, os.Chown(dir, other, other))
		_, err = Open(link)
		assert.ErrorIs(t, err, ErrUntrusted)
	})
	t.Run("that another made", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "link")
		require.NoError(t, os.Symlink(fullCache(t), link))
		require.NoError(t, os.Lchown(link, other, other))
		_, err := Open(link)
		assert.ErrorIs(t, err, ErrUntrusted)
	})
	t.Run("in a cache", func(t *testing.T) {
		dir, theirs := fullCache(t), fullCache(t)
		require.NoError(t, os.Symlink(filepath.Join(theirs, "kconf"), filepath.Join(dir, "kernel")))
		_, err := Open(dir)
		require.NoError(t, err)
		require.NoError(t, os.Chown(filepath.Join(theirs, "kconf", hexKey(1), "serve"), other, other))
		_, err = Open(dir)
		assert.ErrorIs(t, err, ErrUntrusted)
	})
}

// A user must not run what another user wrote, but may use root's cache.
func TestTrustOfAUser(t *testing.T) {
	asRoot(t)
	dir := fullCache(t)
	assert.NoError(t, checkTrust(dir))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.NoError(t, checkOwner(dir, info, 1000, 0o022), "root's")
	require.NoError(t, os.Chown(dir, other, other))
	info, err = os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, uint32(other), info.Sys().(*syscall.Stat_t).Uid)
	assert.NoError(t, checkOwner(dir, info, other, 0o022), "one's own")
	assert.ErrorIs(t, checkOwner(dir, info, 1000, 0o022), ErrUntrusted)
}

package cache

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fillMixed makes an entry with all kinds of files.
func fillMixed(dir string) error {
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "a b"), []byte("one"), 0o644),
		os.Mkdir(filepath.Join(dir, "sub"), 0o755),
		os.WriteFile(filepath.Join(dir, "sub", "deep"), make([]byte, 300<<10), 0o644),
		os.Symlink("sub/deep", filepath.Join(dir, "link")),
	)
}

func TestVerify(t *testing.T) {
	deep := make([]byte, 300<<10)
	deep[len(deep)-1] ^= 1
	for name, tc := range map[string]struct {
		damage func(dir string) error
		want   string
	}{
		"whole":      {func(string) error { return nil }, ""},
		"a bit":      {func(dir string) error { return os.WriteFile(dir+"/sub/deep", deep, 0o644) }, "damaged: sub/deep has other contents"},
		"cut":        {func(dir string) error { return os.Truncate(dir+"/a b", 2) }, "damaged: a b has other contents"},
		"missing":    {func(dir string) error { return os.Remove(dir + "/a b") }, "damaged: a b is missing"},
		"added":      {func(dir string) error { return os.WriteFile(dir+"/sub/new", nil, 0o644) }, "damaged: sub/new does not belong there"},
		"redirected": {func(dir string) error { return errors.Join(os.Remove(dir+"/link"), os.Symlink("a b", dir+"/link")) }, "damaged: link has other contents"},
		"hashes cut": {func(dir string) error { return os.Truncate(filepath.Join(dir, sumsFile), 20) }, "damaged: "},
		"no hashes":  {func(dir string) error { return os.Remove(filepath.Join(dir, sumsFile)) }, ": no hashes were kept"},
		"none":       {os.RemoveAll, ": file does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			fills := 0
			fill := func(dir string) error { fills++; return fillMixed(dir) }
			path, err := c.PublishSound(t.Context(), "kind", hexKey(1), fill)
			require.NoError(t, err)
			require.NoError(t, tc.damage(path))
			err = c.Verify(t.Context(), "kind", hexKey(1))
			want := 2
			if tc.want == "" {
				require.NoError(t, err)
				want = 1
			} else {
				require.ErrorContains(t, err, tc.want)
			}
			// PublishSound returns a whole entry, even if the damaged one was in use.
			again, err := c.PublishSound(t.Context(), "kind", hexKey(1), fill)
			require.NoError(t, err)
			assert.Equal(t, path, again)
			assert.NoError(t, c.Verify(t.Context(), "kind", hexKey(1)))
			assert.Equal(t, want, fills)
			assert.Empty(t, names(t, c.Dir, "tmp"))
			assert.Empty(t, prune(t, open2(t, c), Limits{All: true}).Gone, "the new one is in use")
		})
	}
}

// open2 opens a cache a second time, like another netstrip.
func open2(t *testing.T, c *Cache) *Cache {
	t.Helper()
	other, err := Open(c.Dir)
	require.NoError(t, err)
	return other
}

// sha256sum can check the hashes.
func TestSumsAreThoseOfSha256sum(t *testing.T) {
	c := open(t)
	path := publish(t, c, "kind", hexKey(1))
	cmd := exec.Command("sha256sum", "--check", "--strict", sumsFile)
	cmd.Dir = path
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "0: OK\n1: OK\n2: OK\n", string(out))
}

func TestMendLeavesWhatIsWhole(t *testing.T) {
	c := open(t)
	path := publish(t, c, "kind", hexKey(1))
	require.NoError(t, c.Mend(t.Context(), "kind", hexKey(1)))
	assert.DirExists(t, path)
	require.NoError(t, c.Mend(t.Context(), "kind", hexKey(2)), "gone already")
	require.NoError(t, os.Remove(filepath.Join(path, "1")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Verify(ctx, "kind", hexKey(1)), context.Canceled, "an interruption is no damage")
	require.ErrorIs(t, c.Mend(ctx, "kind", hexKey(1)), context.Canceled)
	assert.DirExists(t, path)
	require.NoError(t, c.Mend(t.Context(), "kind", hexKey(1)))
	assert.NoDirExists(t, path)
}

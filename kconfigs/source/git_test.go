package source

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// A revision is its commit, whatever the work tree holds.
func TestRevision(t *testing.T) {
	needTools(t, "git", "tar", "make")
	tree := newTree(t)
	git(t, tree, "init", "--quiet")
	git(t, tree, "add", ".")
	git(t, tree, "commit", "--quiet", "--message", "one")
	git(t, tree, "tag", "v6.12.1")
	write(t, filepath.Join(tree, "Kconfig"), "# not committed\n")
	bare := filepath.Join(t.TempDir(), "linux.git")
	git(t, tree, "clone", "--quiet", "--bare", tree, bare)

	c := newCache(t)
	open := func(path string) *Source {
		s, err := Open(t.Context(), Options{Path: path, Cache: c})
		require.NoError(t, err)
		return s
	}
	s := open(tree + "@v6.12.1")
	assert.Equal(t, git(t, tree, "rev-parse", "HEAD")[:40], s.ID)
	assert.Equal(t, tree+"@v6.12.1 (commit "+s.ID[:12]+")", s.Origin)
	assert.Equal(t, s.ID, open(bare+"@"+s.ID[:12]).ID)
	assert.Equal(t, s.ID, open(tree+"@HEAD").ID)
	assert.NotEqual(t, s.ID, open(tree).ID, "the work tree is not the commit")
	assert.Empty(t, s.Edited())
	dir, err := s.Tree(t.Context())
	require.NoError(t, err)
	want, err := os.ReadFile("../kbuild/testdata/tree/Kconfig")
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(dir, "Kconfig"))
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
	nothingKept(t, c, "none")

	git(t, tree, "commit", "--quiet", "--all", "--message", "two")
	assert.NotEqual(t, s.ID, open(tree+"@HEAD").ID)
	for path, want := range map[string]string{
		tree + "@nosuch":    "opening the git repository " + tree + `: it has no commit "nosuch"`,
		tree + "@--help":    "opening the git repository " + tree + `: it has no commit "--help"`,
		"/nosuch.git@v6.12": "opening the git repository /nosuch.git: git: exit status 128: fatal: cannot change to '/nosuch.git': No such file or directory",
	} {
		_, err := Open(t.Context(), Options{Path: path, Cache: c})
		assert.EqualError(t, err, want)
	}
	plain := filepath.Join(t.TempDir(), "linux@6.12")
	require.NoError(t, os.Rename(tree, plain))
	assert.Equal(t, plain, open(plain).Edited(), "a directory whose name has an @")
}

package file

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "report"), filepath.Join(dir, "link")
	say := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error { _, _ = io.WriteString(w, text); return err }
	}
	require.NoError(t, os.Symlink("report", link))
	require.NoError(t, Replace(path, say("one", nil)))
	require.NoError(t, Replace(link, say("two", nil)))
	broken := errors.New("broken")
	require.ErrorIs(t, Replace(path, say("half", broken)), broken)

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "two", string(text))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing is left behind")

	require.NoError(t, Replace(os.DevNull, say("lost", nil)))
	assert.ErrorIs(t, Replace(dir, say("x", nil)), ErrIrregular)
	assert.ErrorIs(t, Replace(filepath.Join(dir, "none", "x"), say("x", nil)), os.ErrNotExist)
}

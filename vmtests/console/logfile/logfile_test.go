package logfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, name, text string) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func TestReadAll(t *testing.T) {
	good := write(t, "good", "[    0.000000] Linux version 6.12.1 (x)\n[    1.000000] Kernel panic - not syncing: p\u202e\n")
	empty := write(t, "empty", "")
	none := filepath.Join(t.TempDir(), "none")

	all, err := ReadAll(t.Context(), nil, none, none)
	assert.Empty(t, all)
	require.ErrorAs(t, err, &usage.Error{}, "none of the files is there: the command line is wrong")

	all, err = ReadAll(t.Context(), nil, good, empty, good, none)
	require.Len(t, all, 3)
	require.ErrorContains(t, err, empty+": not a kernel's console log: it is empty\nopen "+none)
	assert.False(t, errors.As(err, &usage.Error{}))
	assert.Equal(t, console.Unreadable, all[1].Outcome)
	assert.Regexp(t, "^p", all[0].Panic)
	var b strings.Builder
	require.NoError(t, all.Write(&b))
	assert.Equal(t, 2, strings.Count(b.String(), "outcome    panicked\n"))
	assert.Equal(t, 1, strings.Count(b.String(), "\n\n"), "an empty line between them")
	assert.NotContains(t, b.String(), "\u202e")
	assert.NotContains(t, b.String(), empty)
}

func TestReadAllInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	cancel(why)
	all, err := ReadAll(ctx, nil, write(t, "x", "x"))
	assert.Nil(t, all)
	assert.Equal(t, why, err)
}

package kbuild

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/source"
)

// again returns a builder for a tree that may have been edited.
func again(t *testing.T, b *Builder) *Builder {
	t.Helper()
	s, err := source.Open(t.Context(), source.Options{Path: b.Source.Edited(), Cache: b.Cache})
	require.NoError(t, err)
	return &Builder{Cache: b.Cache, Source: s, open: b.open}
}

// An edited tree keeps its object tree, in which make compiles what has changed. The result is a
// different kernel.
func TestAnEditedTree(t *testing.T) {
	c := newCache(t)
	b := newBuilder(t, c)
	req := ask(t, "CONFIG_NET=y\n")
	first, err := b.Build(t.Context(), req)
	require.NoError(t, err)
	edited := filepath.Join(b.Source.Edited(), "Kconfig")
	require.NoError(t, os.WriteFile(edited, []byte("# edited\n"), 0o644))
	b = again(t, b)
	second, err := b.Build(t.Context(), req)
	require.NoError(t, err)
	assert.NotEqual(t, first.Key, second.Key)
	trees, err := filepath.Glob(c.Path(kindObject, "*"))
	require.NoError(t, err)
	require.Len(t, trees, 1)
	assert.Equal(t, 2, builds(t, c), "both in one object tree")
	assert.Less(t, second.Objects, first.Objects)

	// Make would not notice a file that was replaced by an older one.
	require.NoError(t, os.WriteFile(edited, []byte("# another\n"), 0o644))
	long := time.Now().Add(-24 * time.Hour)
	require.NoError(t, os.Chtimes(edited, long, long))
	third, err := again(t, b).Build(t.Context(), req)
	require.NoError(t, err)
	assert.NotEqual(t, second.Key, third.Key)
	assert.Equal(t, 1, builds(t, c), "the object tree was made anew")
	assert.Equal(t, first.Objects, third.Objects)
}

// A kernel built while its source is edited is refused.
func TestATreeThatIsEditedDuringItsBuild(t *testing.T) {
	c := newCache(t)
	b := newBuilder(t, c)
	makefile := filepath.Join(b.Source.Edited(), "Makefile")
	text, err := os.ReadFile(makefile)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(makefile, append(text, "bzImage: edit\nedit:\n\t@test -e done || echo x >>Kconfig\n"...), 0o644))
	b = again(t, b)
	req := ask(t, "CONFIG_NET=y\n")
	_, err = b.Build(t.Context(), req)
	require.ErrorIs(t, err, source.ErrChanged)
	assert.ErrorContains(t, err, "run again")
	_, ok, err := b.Cached(t.Context(), req)
	require.NoError(t, err)
	assert.False(t, ok)
	kernels, err := filepath.Glob(c.Path(kindKernel, "*"))
	require.NoError(t, err)
	assert.Empty(t, kernels, "none is published")

	require.NoError(t, os.WriteFile(filepath.Join(b.Source.Edited(), "done"), nil, 0o644))
	_, err = again(t, b).Build(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, 1, builds(t, c), "all is compiled again")
}

package kbuild

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
)

// A kernel may start from a config of the source or of the user, in an object tree of its own.
func TestStarts(t *testing.T) {
	ctx := context.Background()
	c := newCache(t)
	b := newBuilder(t, c)
	for _, tc := range []struct {
		start kconfigs.Start
		want  string
	}{
		{kconfigs.Start{Name: "defconfig"}, "CONFIG_EXTRA=y\nCONFIG_NET=y\n"},
		{kconfigs.Start{Name: "tinyconfig"}, "CONFIG_SHAPE=\"tiny\"\nCONFIG_NET=y\nCONFIG_LOCALVERSION=\"\"\n"},
		{kconfigs.Start{Name: "mine", Text: "# mine\n# CONFIG_NET is not set\nCONFIG_INET=y\n"}, "CONFIG_INET=y\nCONFIG_NET=y\n"},
	} {
		req := ask(t, "CONFIG_NET=y\n")
		req.Start = tc.start
		k, err := b.Build(ctx, req)
		require.NoError(t, err)
		final, err := os.ReadFile(k.Config)
		require.NoError(t, err)
		assert.Equal(t, tc.want, string(final), tc.start.Name)
		again, ok, err := b.Cached(ctx, req)
		require.NoError(t, err)
		require.True(t, ok, "what it begins with is part of the key")
		assert.Equal(t, k.Key, again.Key)
	}
	trees, err := filepath.Glob(c.Path(kindObject, "*"))
	require.NoError(t, err)
	assert.Len(t, trees, 3)
	req := ask(t, "CONFIG_NET=y\n")
	req.Start.Name = "yesconfig"
	_, err = b.Build(ctx, req)
	assert.EqualError(t, err, `building p+mine: configuring: no such start: "yesconfig"`)
}

// bzImage returns the beginning of a kernel image, with its version at 0x200 + 0x30.
func bzImage(t *testing.T, version string) string {
	t.Helper()
	image := make([]byte, 1024)
	copy(image[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(image[0x20e:], 0x30)
	copy(image[0x230:], version)
	path := filepath.Join(t.TempDir(), "bzImage")
	require.NoError(t, os.WriteFile(path, image, 0o644))
	return path
}

func TestPrebuilt(t *testing.T) {
	ctx := context.Background()
	c := newCache(t)
	b := newBuilder(t, c)
	build := func(p kconfigs.Prebuilt) (*Kernel, error) {
		return b.Build(ctx, kconfigs.Request{Profile: "kernel-x", Prebuilt: &p})
	}
	image := bzImage(t, "6.9.1-mine (me@here) #1\x00")
	k, err := build(kconfigs.Prebuilt{Image: image})
	require.NoError(t, err)
	assert.Equal(t, "6.9.1-mine", k.Version)
	assert.Equal(t, k.Image, k.Boot)
	assert.Equal(t, "file "+image, k.Source)
	assert.Empty(t, k.Modules)
	k, err = build(kconfigs.Prebuilt{Image: image})
	require.NoError(t, err)
	assert.True(t, k.Cached)
	// A truncated kernel in the cache is copied again.
	require.NoError(t, os.Truncate(k.Image, 3))
	k, err = build(kconfigs.Prebuilt{Image: image})
	require.NoError(t, err)
	assert.False(t, k.Cached)

	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, []byte("Linux version 6.12"), 0o644))
	for want, p := range map[string]kconfigs.Prebuilt{
		text + ": not a kernel image for an architecture that netstrip knows, or one without its version": {Image: text},
		text + "x: no such file or directory":               {Image: text + "x"},
		filepath.Dir(text) + ": not a directory of modules": {Image: image, Modules: filepath.Dir(text)},
	} {
		_, err := build(p)
		var bad *kconfigs.RequestError
		require.ErrorAs(t, err, &bad, "the user's fault")
		assert.ErrorContains(t, err, want)
	}
}

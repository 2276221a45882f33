package kbuild

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// A kernel with symbols set to m is stored with its modules.
func TestBuildModules(t *testing.T) {
	needTools(t, "depmod")
	ctx := t.Context()
	c := newCache(t)
	b := newBuilder(t, c)
	req := ask(t, "CONFIG_MODULES=y\nCONFIG_NET=y\nCONFIG_UNIX=m\n")
	k, err := b.Build(ctx, req)
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(k.Modules, "kernel/net/unix/a-unix.ko"))
	assert.FileExists(t, filepath.Join(k.Modules, "modules.dep"))
	assert.NoDirExists(t, filepath.Join(k.Modules, "kernel/sound"))
	names, err := k.ModuleNames()
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"a_unix": true}, names)
	assert.NoDirExists(t, filepath.Join(k.Dir, "installed"))
	config, ok, err := k.ReadConfig()
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, "m", config.Value("UNIX"))
	k, err = b.Build(ctx, req)
	require.NoError(t, err)
	assert.True(t, k.Cached)

	// A kernel that was stored without its modules is built again.
	require.NoError(t, os.RemoveAll(k.Modules))
	_, ok, err = b.Cached(ctx, req)
	require.NoError(t, err)
	assert.False(t, ok)
	k, err = b.Build(ctx, req)
	require.NoError(t, err)
	assert.False(t, k.Cached)
	assert.DirExists(t, k.Modules)
}

// Kernels without modules keep their keys, so old caches remain valid.
func TestKeys(t *testing.T) {
	b := &Builder{Source: &source.Source{ID: "source"}}
	plain := []byte("CONFIG_MODULES=y\nCONFIG_NET=y\nCONFIG_S=\"=m\"\n")
	assert.Equal(t, cache.Key(string(plain), "source", "gcc", recipe(arch.Default())), b.keyOf(plain, "gcc"))
	for text, want := range map[string]bool{
		"CONFIG_MODULES=y\nCONFIG_A=m\n": true, "# CONFIG_MODULES is not set\nCONFIG_A=m\n": false, "CONFIG_A=y\nCONFIG_MODULES=y\n": false,
	} {
		assert.Equal(t, want, modular([]byte(text)), text)
		assert.Equal(t, want, cache.Key(text, "source", "gcc", recipe(arch.Default())) != b.keyOf([]byte(text), "gcc"))
	}
}

// The .config of a kernel file is found inside it or next to it.
func TestPrebuiltConfig(t *testing.T) {
	b := newBuilder(t, newCache(t))
	dir := t.TempDir()
	adopt := func(name, version string) *Kernel {
		image, err := os.ReadFile(bzImage(t, version))
		require.NoError(t, err)
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, image, 0o644))
		k, err := b.Build(t.Context(), kconfigs.Request{Profile: "kernel-x", Prebuilt: &kconfigs.Prebuilt{Image: path}})
		require.NoError(t, err)
		return k
	}
	require.NoError(t, cache.WriteFile(filepath.Join(dir, "config-6.9.1"), []byte("CONFIG_CC_VERSION_TEXT=\"gcc 13\"\nCONFIG_PACKET=m\n")))
	k := adopt("vmlinuz-6.9.1", "6.9.1")
	config, ok, err := k.ReadConfig()
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, "m", config.Value("PACKET"))
	assert.Equal(t, "gcc 13", k.Compiler)
	_, ok, err = adopt("vmlinuz-6.9.2", "6.9.2").ReadConfig()
	require.NoError(t, err)
	assert.False(t, ok)
}

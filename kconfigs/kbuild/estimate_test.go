package kbuild

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/kernel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLikely(t *testing.T) {
	config := func(symbols int) []byte {
		return []byte(strings.Repeat("CONFIG_X=y\n", symbols-1) + "CONFIG_Y=m\n# CONFIG_Z is not set\n")
	}
	a, err := arch.Parse("x86_64")
	require.NoError(t, err)
	j := &job{Builder: &Builder{Cache: newCache(t), Arch: a}, final: config(500), obj: filepath.Join(t.TempDir(), "obj")}
	assert.Equal(t, estimate{objects: 800}, j.likely(), "nothing is known")
	keep := func(key, arch string, symbols, objects int) {
		k := Kernel{Built: kernel.Built{Key: key, Arch: arch}, Objects: objects}
		dir := j.Cache.Path(kindKernel, key)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, k.write(dir))
		require.NoError(t, os.WriteFile(filepath.Join(dir, configFile), config(symbols), 0o644))
	}
	keep("a", "", 520, 40)
	keep("b", "", 800, 1400)
	keep("c", "arm64", 500, 900)
	require.NoError(t, os.MkdirAll(j.Cache.Path(kindKernel, "d"), 0o755))
	assert.Equal(t, estimate{objects: 800}, j.likely(), "none was built from nothing")
	keep("e", "", 480, 776)
	require.NoError(t, os.MkdirAll(j.obj, 0o755))
	assert.Equal(t, estimate{objects: 776}, j.likely())
	require.NoError(t, os.WriteFile(filepath.Join(j.obj, "vmlinux.o"), nil, 0o644))
	assert.Equal(t, estimate{objects: 776, most: true}, j.likely())
}

func TestEstimate(t *testing.T) {
	e := estimate{objects: 776}
	for done, want := range map[int]string{
		0: "0 of about 776 objects", 19: "19 of about 776 objects", 300: "300 of about 776 objects, about 3 min left",
		770: "770 of about 776 objects, a few seconds left", 776: "776 objects compiled", 800: "800 objects compiled",
	} {
		assert.Equal(t, want, e.progress(done, 2*time.Minute))
	}
	e.most = true
	assert.Equal(t, "300 of at most about 776 objects, at most about 3 min left", e.progress(300, 2*time.Minute))
}

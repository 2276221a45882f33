package kbuild

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
)

func TestFind(t *testing.T) {
	b := &Builder{Cache: newCache(t)}
	_, err := b.Find("abcd")
	require.EqualError(t, err, `no kernel in the cache has a key that begins with "abcd"`, "there is no kernel at all")
	add := func(key, image string) {
		dir := b.Cache.Path(kindKernel, key)
		write(t, filepath.Join(dir, "bzImage"), image)
		write(t, filepath.Join(dir, infoFile), `{"key":"`+key+`","image_sha256":"`+
			"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"+`","boot_sha256":"`+
			"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"+`"}`) // of "x"
	}
	first, second, broken := "abcd1"+strings.Repeat("0", 59), "abcd2"+strings.Repeat("0", 59), "bcde"+strings.Repeat("0", 60)
	add(first, "x")
	add(second, "x")
	add(broken, "y")
	k, err := b.Find("abcd1")
	require.NoError(t, err)
	assert.Equal(t, first, k.Key)
	assert.True(t, k.Cached)
	for begin, want := range map[string]string{
		"abcd": "2 kernels in the cache have keys that begin with \"abcd\": " + first + ", " + second,
		"bcde": "the kernel " + broken + " is damaged: ",
		"bcd":  `no kernel in the cache has a key that begins with "bcd"`, // too short a prefix
		"":     `no kernel in the cache has a key that begins with ""`,
	} {
		_, err := b.Find(begin)
		require.ErrorContains(t, err, want)
		assert.ErrorAs(t, err, new(*kconfigs.RequestError), begin)
	}
}

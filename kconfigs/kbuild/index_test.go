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

// An index maps a request to a kernel. If it led to the wrong kernel, that one would be booted
// under the wrong name.
func TestIndexThatLeadsElsewhere(t *testing.T) {
	c := newCache(t)
	b := newBuilder(t, c)
	net, none := ask(t, "CONFIG_NET=y\n"), ask(t, "# CONFIG_NET is not set\n")
	full, err := b.Build(t.Context(), net)
	require.NoError(t, err)
	bare, err := b.Build(t.Context(), none)
	require.NoError(t, err)
	require.NotEqual(t, full.Key, bare.Key)
	path := func(req kconfigs.Request) string {
		inputs, err := b.Inputs(t.Context(), req)
		require.NoError(t, err)
		return c.Path(kindIndex, inputs)
	}
	whole, err := os.ReadFile(path(none))
	require.NoError(t, err)
	other, err := os.ReadFile(path(net))
	require.NoError(t, err)
	entry := cache.Entry{Kind: kindIndex, Key: filepath.Base(path(none)), For: []string{"p"}}
	for name, tc := range map[string]struct {
		text       string
		old, wrong bool
	}{
		"as it was":                     {text: string(whole)},
		"in the old form":               {text: bare.Key + " p\n", old: true},
		"in the old form, another's":    {text: full.Key + " p\n", old: true, wrong: true},
		"copied over it":                {text: string(other), wrong: true},
		"its key changed":               {text: full.Key + string(whole[len(bare.Key):]), wrong: true},
		"nothing":                       {wrong: true},
		"a path out of the cache":       {text: "../kernel/" + full.Key + " p\n", wrong: true},
		"a key that is not there":       {text: full.Key[1:] + "0 p\n", old: true, wrong: true},
		"confirmed, of another request": {text: string(confirmed(t, c, entry.Key, full.Key)), wrong: true, old: true},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path(none), []byte(tc.text), 0o644))
			if err := checkIndex(t.Context(), c, entry); tc.wrong && !tc.old {
				assert.ErrorIs(t, err, cache.ErrDamaged)
			} else {
				assert.NotErrorIs(t, err, cache.ErrDamaged)
			}
			_, ok, err := b.Cached(t.Context(), none)
			require.NoError(t, err)
			assert.Equal(t, !tc.wrong, ok)
			before := builds(t, c)
			k, err := b.Build(t.Context(), none)
			require.NoError(t, err)
			assert.Equal(t, bare.Key, k.Key)
			assert.Equal(t, before, builds(t, c), "nothing is compiled again")
			if tc.wrong {
				mended, err := os.ReadFile(path(none))
				require.NoError(t, err)
				assert.Equal(t, string(whole), string(mended))
			}
		})
	}
}

// confirmed returns the text of an index that leads from name to key.
func confirmed(t *testing.T, c *cache.Cache, name, key string) []byte {
	require.NoError(t, c.WriteIndex(kindKernel, name, key, "p"))
	data, err := os.ReadFile(c.Path(kindIndex, name))
	require.NoError(t, err)
	return data
}

// An old index that was written for a profile is checked against the profile's request.
func TestCheckOldIndex(t *testing.T) {
	c := newCache(t)
	_, err := c.Publish(t.Context(), kindKernel, "0123456789abcdef", func(dir string) error {
		require.NoError(t, os.WriteFile(filepath.Join(dir, infoFile), []byte(`{"compiler": "gcc"}`), 0o644))
		return os.WriteFile(filepath.Join(dir, configFile), []byte("CONFIG_NET=y\n"), 0o644)
	})
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(c.Path(source.Kind, "abc"), 0o755))
	require.NoError(t, os.MkdirAll(c.Path(kindIndex, ""), 0o755))
	old := func(name, purpose string) error {
		require.NoError(t, os.WriteFile(c.Path(kindIndex, name), []byte("0123456789abcdef "+purpose+"\n"), 0o644))
		defer os.Remove(c.Path(kindIndex, name))
		list, err := c.List(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 2)
		return checkIndex(t.Context(), c, list[1])
	}
	profile, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	req, err := profile.Request()
	require.NoError(t, err)
	name := inputs(req, "abc", "gcc", arch.Default())
	assert.ErrorContains(t, old(name, "no-net"), "leads to a kernel that was not made for no-net: ")
	assert.ErrorIs(t, old(name, "no-net"), cache.ErrDamaged)
	assert.ErrorIs(t, old(inputs(req, "another", "gcc", arch.Default()), "no-net"), cache.ErrUnchecked, "no-net may have been another then")
	assert.ErrorIs(t, old(name, "of my own"), cache.ErrUnchecked)
	assert.ErrorIs(t, old(name, ""), cache.ErrUnchecked)
}

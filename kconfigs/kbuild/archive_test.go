package kbuild

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/usage"
)

// exported builds a kernel and exports it.
func exported(t *testing.T) (b *Builder, archive []byte, sum string) {
	b = newBuilder(t, newCache(t))
	_, err := b.Build(t.Context(), ask(t, "CONFIG_NET=y\n"))
	require.NoError(t, err)
	var out bytes.Buffer
	lines, sum, err := Export(t.Context(), b.Cache, &out)
	require.NoError(t, err)
	assert.Len(t, lines, 1)
	return b, out.Bytes(), sum
}

// An imported kernel is found by its request, and nothing is built.
func TestExportAndImport(t *testing.T) {
	b, archive, sum := exported(t)
	other := newCache(t)
	lines, err := Import(t.Context(), other, bytes.NewReader(archive), sum)
	require.NoError(t, err)
	require.Len(t, lines, 1)
	assert.Regexp(t, `^imported kernel/[0-9a-f]{12} of p\+mine$`, lines[0])
	there := &Builder{Cache: other, Source: b.Source, open: b.open}
	k, ok, err := there.Cached(t.Context(), ask(t, "CONFIG_NET=y\n"))
	require.NoError(t, err)
	require.True(t, ok)
	assert.NoError(t, other.Verify(t.Context(), kindKernel, k.Key))
	assert.Zero(t, builds(t, other))
	lines, err = Import(t.Context(), other, bytes.NewReader(archive), "")
	require.NoError(t, err)
	assert.Contains(t, lines[0], "already there")
	require.NoError(t, os.Truncate(k.Image, 3))
	_, err = Import(t.Context(), other, bytes.NewReader(archive), "")
	require.NoError(t, err)
	_, ok, err = there.Cached(t.Context(), ask(t, "CONFIG_NET=y\n"))
	require.NoError(t, err)
	assert.True(t, ok, "a damaged one is replaced")

	_, _, err = Export(t.Context(), other, &bytes.Buffer{}, "p+mine", k.Key[:8])
	require.NoError(t, err)
	_, _, err = Export(t.Context(), other, &bytes.Buffer{}, "full")
	require.ErrorAs(t, err, &usage.Error{})
	require.NoError(t, os.Truncate(k.Boot, 3))
	_, _, err = Export(t.Context(), other, &bytes.Buffer{})
	require.ErrorContains(t, err, "damaged")
}

// forge returns an archive with the files of another, each changed.
func forge(t *testing.T, archive []byte, change func(h *tar.Header, data []byte) []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err != nil {
			break
		}
		var data bytes.Buffer
		_, err = data.ReadFrom(r)
		require.NoError(t, err)
		changed := change(h, data.Bytes())
		h.Size = int64(len(changed))
		require.NoError(t, w.WriteHeader(h))
		_, err = w.Write(changed)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// list edits the list of an archive.
func list(t *testing.T, edit func(*archived)) func(*tar.Header, []byte) []byte {
	return func(h *tar.Header, data []byte) []byte {
		if h.Name != listFile {
			return data
		}
		var l archived
		require.NoError(t, json.Unmarshal(data, &l))
		edit(&l)
		data, err := json.Marshal(l)
		require.NoError(t, err)
		return data
	}
}

// An archive of unknown origin adds nothing but whole kernels.
func TestImportWhatIsHostile(t *testing.T) {
	_, archive, _ := exported(t)
	in := func(name string, edit func(*tar.Header, []byte) []byte) func(*tar.Header, []byte) []byte {
		return func(h *tar.Header, data []byte) []byte {
			if strings.HasSuffix(h.Name, name) {
				return edit(h, data)
			}
			return data
		}
	}
	for name, tc := range map[string]struct {
		change func(*tar.Header, []byte) []byte
		says   string
	}{
		"another image":  {in("/bzImage", func(_ *tar.Header, d []byte) []byte { return append(bytes.Clone(d[1:]), 0) }), "bzImage: damaged: it has the SHA-256"},
		"a longer image": {in("/bzImage", func(_ *tar.Header, d []byte) []byte { return append(bytes.Clone(d), 0) }), "bzImage: damaged"},
		"a link": {in("/bzImage", func(h *tar.Header, _ []byte) []byte {
			h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc/passwd"
			return nil
		}), "instead of bzImage"},
		"a path":                  {in("/bzImage", func(h *tar.Header, d []byte) []byte { h.Name = "../../bzImage"; return d }), "instead of bzImage"},
		"a listed path":           {list(t, func(l *archived) { l.Kernels[0].Files["../x"] = "0" }), `a file with the name "../x"`},
		"hashes of its own":       {list(t, func(l *archived) { l.Kernels[0].Files[".netstrip-sums"] = "0" }), "a file with the name"},
		"a key that is a path":    {list(t, func(l *archived) { l.Kernels[0].Key = "../../x" }), "a wrong kernel"},
		"an index that is a path": {list(t, func(l *archived) { l.Kernels[0].Index["../x"] = "full" }), "a wrong index"},
		"an index of two lines":   {list(t, func(l *archived) { l.Kernels[0].Index[strings.Repeat("0", 64)] = "a\nb" }), "a wrong index"},
		"another key": {func(h *tar.Header, d []byte) []byte {
			key := strings.Repeat("0", 64)
			if h.Name != listFile {
				h.Name = key + h.Name[64:]
			}
			return list(t, func(l *archived) { l.Kernels[0].Key = key })(h, d)
		}, "is damaged"},
		"newer": {list(t, func(l *archived) { l.Schema = 2 }), "schema 2"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			_, err := Import(t.Context(), c, bytes.NewReader(forge(t, archive, tc.change)), "")
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
			nothingKept(t, c, kindKernel)
			nothingKept(t, c, kindIndex)
			left, err := filepath.Glob(filepath.Join(filepath.Dir(c.Dir), "*"))
			require.NoError(t, err)
			assert.Len(t, left, 1, "nothing beside the cache")
		})
	}
}

func TestImportWhatIsCut(t *testing.T) {
	_, archive, _ := exported(t)
	c := newCache(t)
	_, err := Import(t.Context(), c, bytes.NewReader(archive), strings.Repeat("0", 64))
	require.ErrorContains(t, err, "the archive has the SHA-256")
	for _, cut := range []int{0, 100, 600, len(archive) / 2} {
		_, err = Import(t.Context(), c, bytes.NewReader(archive[:cut]), "")
		require.Error(t, err, cut)
		nothingKept(t, c, kindKernel)
	}
}

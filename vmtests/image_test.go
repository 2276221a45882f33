package vmtests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/u-root/mkuimage/cpio"
)

func TestCheckKernel(t *testing.T) {
	whole := tinyKernel(t, "", spins)
	for name, tc := range map[string]struct{ path, want string }{
		"whole":          {whole, ""},
		"a byte missing": {cut(t, whole, 0.9999), "it has 5119 bytes of 5120"},
		"a header only":  {cut(t, whole, 0.12), "it has 614 bytes of 5120"},
		"less than that": {cut(t, whole, 0.1), "it is no x86 kernel image"},
		"empty":          {cut(t, whole, 0), "it is no x86 kernel image"},
		"arm64":          {arm64Image(t), "it is no x86 kernel image but an arm64 one"},
		"ELF":            {arm64ELF(t), "it is no x86 kernel image but an ELF file for EM_AARCH64"},
		"not there":      {filepath.Join(t.TempDir(), "none"), "no such file or directory"},
		"a directory":    {t.TempDir(), "is a directory"},
	} {
		f, err := openChecked(tc.path, checkKernel)
		if tc.want == "" {
			require.NoError(t, err, name)
			f.Close()
		} else if assert.Error(t, err, name) {
			assert.Contains(t, err.Error(), tc.want, name)
		}
	}
}

// Wherever an archive is cut, that is seen.
func TestCheckInitramfs(t *testing.T) {
	var text strings.Builder
	w := cpio.Newc.Writer(&text)
	for _, r := range []cpio.Record{cpio.Directory("a", 0o755), cpio.StaticFile("a/b", "content", 0o644)} {
		require.NoError(t, w.WriteRecord(r))
	}
	require.NoError(t, cpio.WriteTrailer(w))
	whole := text.String()
	check := func(s string) error { return checkInitramfs(strings.NewReader(s), int64(len(s))) }
	require.NoError(t, check(whole))
	require.NoError(t, check(whole+strings.Repeat("\x00", 512)), "padding")
	end := strings.Index(whole, "TRAILER!!!") + len("TRAILER!!!\x00")
	for n := range end {
		assert.Error(t, check(whole[:n]), "cut after %d bytes of %d", n, end)
	}
	assert.EqualError(t, check(strings.Replace(whole, "070701", "070707", 1)), "no cpio record at byte 0")
	assert.ErrorContains(t, check(whole[:54]+"zzzzzzzz"+whole[62:]), "a broken cpio record at byte 0")
	assert.ErrorContains(t, check(whole[:94]+"FFFFFFFF"+whole[102:]), "in the middle")
}

func TestCheckRoom(t *testing.T) {
	path := file(t, "image", make([]byte, 3<<20))
	image, err := os.Open(path)
	require.NoError(t, err)
	defer image.Close()
	head := make([]byte, headEnd)
	head[headAddress+3], head[headSpace+2] = 1, 0x20 // at 16 MiB, 2 MiB
	kernel := strings.NewReader(string(head))
	require.NoError(t, checkRoom(kernel, image, 21<<20))
	assert.EqualError(t, checkRoom(kernel, image, 20<<20), "it and the kernel take 21 MiB of memory; the machine has 20")
}

package vmtests

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/u-root/mkuimage/cpio"

	"github.com/netstrip/netstrip/kconfigs/packed"
)

func TestCheckKernel(t *testing.T) {
	whole, vmlinux := tinyKernel(t, "", spins), pvhELF(t, "Xen\x00")
	for name, tc := range map[string]struct{ path, want string }{
		"whole":          {whole, ""},
		"a byte missing": {cut(t, whole, 0.9999), "truncated: 5119 of 5120 bytes"},
		"a header only":  {cut(t, whole, 0.12), "truncated: 614 of 5120 bytes"},
		"less than that": {cut(t, whole, 0.1), "it is no x86 kernel image"},
		"empty":          {cut(t, whole, 0), "it is no x86 kernel image"},
		"arm64":          {arm64Image(t), "it is no x86 kernel image but an arm64 one"},
		"ELF":            {arm64ELF(t), "it is no x86 kernel image but an ELF file for EM_AARCH64"},
		"vmlinux":        {vmlinux, ""},
		"half of one":    {cut(t, vmlinux, 0.5), "truncated: 130 of 260 bytes"},
		"without PVH":    {pvhELF(t, "XenX"), "it is a vmlinux without CONFIG_PVH, which QEMU cannot start; use the bzImage"},
		"not there":      {filepath.Join(t.TempDir(), "none"), "no such file or directory"},
		"a directory":    {t.TempDir(), "is a directory"},
	} {
		f, _, err := openChecked(tc.path, checkKernel)
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
	check := func(s string) error {
		_, err := checkInitramfs(strings.NewReader(s), int64(len(s)))
		return err
	}
	require.NoError(t, check(whole))
	require.NoError(t, check(whole+strings.Repeat("\x00", 512)), "padding")
	end := strings.Index(whole, "TRAILER!!!") + len("TRAILER!!!\x00")
	for n := range end {
		assert.Error(t, check(whole[:n]), "cut after %d bytes of %d", n, end)
	}
	assert.EqualError(t, check(strings.Replace(whole, "070701", "070707", 1)), "no cpio record at byte 0")
	assert.ErrorContains(t, check(whole[:54]+"zzzzzzzz"+whole[62:]), "a broken cpio record at byte 0")
	assert.ErrorContains(t, check(whole[:94]+"FFFFFFFF"+whole[102:]), "cpio archive truncated at byte")
}

func TestRoom(t *testing.T) {
	head := make([]byte, packed.HeadBytes)
	copy(head[0x202:], "HdrS")
	head[0x258+3], head[0x260+2] = 1, 0x20 // at 16 MiB, 2 MiB
	end, err := checkKernel(strings.NewReader(string(head)), 1<<20)
	require.NoError(t, err)
	assert.EqualValues(t, 18<<20, end)
	f, end, err := openChecked(pvhELF(t, "Xen\x00"), checkKernel)
	require.NoError(t, err)
	defer f.Close()
	assert.EqualValues(t, 18<<20, end)
	require.NoError(t, checkRoom(end+3<<20, 21<<20))
	assert.EqualError(t, checkRoom(end+3<<20, 20<<20), "it and the kernel take 21 MiB of memory; the machine has 20")
}

package guest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/u-root/mkuimage/cpio"

	"github.com/netstrip/netstrip/kconfigs/packed"
)

func TestCheckKernel(t *testing.T) {
	whole, vmlinux := bzImage(t), elfKernel(t, elf.EM_X86_64, "Xen\x00")
	for name, tc := range map[string]struct{ path, want string }{
		"whole":          {whole, ""},
		"a byte missing": {cut(t, whole, 0.9999), "truncated: 5119 of 5120 bytes"},
		"a header only":  {cut(t, whole, 0.12), "truncated: 614 of 5120 bytes"},
		"less than that": {cut(t, whole, 0.1), "it is not a kernel image for x86_64"},
		"empty":          {cut(t, whole, 0), "it is not a kernel image for x86_64"},
		"arm64":          {fileOf(t, append(make([]byte, 56), "ARM\x64\x00\x00\x00\x00"...)), "it is not a kernel image for x86_64 but for arm64"},
		"ELF":            {elfKernel(t, elf.EM_AARCH64, ""), "it is not a kernel image for x86_64 but an ELF file for EM_AARCH64"},
		"vmlinux":        {vmlinux, ""},
		"half of one":    {cut(t, vmlinux, 0.5), "truncated: 130 of 260 bytes"},
		"without PVH":    {elfKernel(t, elf.EM_X86_64, "XenX"), "it is a vmlinux without CONFIG_PVH, which QEMU cannot start; use the bzImage"},
		"not there":      {filepath.Join(t.TempDir(), "none"), "no such file or directory"},
		"a directory":    {t.TempDir(), "is a directory"},
	} {
		f, _, err := openChecked(tc.path, Guest{Arch: arch.All()[0]}.checkKernel)
		if tc.want == "" {
			require.NoError(t, err, name)
			f.Close()
		} else if assert.Error(t, err, name) {
			assert.Contains(t, err.Error(), tc.want, name)
		}
	}
}

// An archive that is cut anywhere is refused.
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
	assert.ErrorContains(t, check(whole[:54]+"zzzzzzzz"+whole[62:]), "broken cpio record at byte 0")
	assert.ErrorContains(t, check(whole[:94]+"FFFFFFFF"+whole[102:]), "cpio archive truncated at byte")
}

func TestRoom(t *testing.T) {
	head := make([]byte, packed.HeadBytes)
	copy(head[0x202:], "HdrS")
	head[0x258+3], head[0x260+2] = 1, 0x20 // at 16 MiB, 2 MiB
	end, err := Guest{}.checkKernel(strings.NewReader(string(head)), 1<<20)
	require.NoError(t, err)
	assert.EqualValues(t, 18<<20, end)
	f, end, err := openChecked(elfKernel(t, elf.EM_X86_64, "Xen\x00"), Guest{Arch: arch.All()[0]}.checkKernel)
	require.NoError(t, err)
	defer f.Close()
	assert.EqualValues(t, 18<<20, end)
	require.NoError(t, checkRoom(end+3<<20, 21<<20))
	assert.EqualError(t, checkRoom(end+3<<20, 20<<20), "initramfs and kernel take 21 MiB of memory; the machine has 20")
}

// bzImage writes a kernel of one sector and 4 KiB, of which only the header is filled in.
func bzImage(t *testing.T) string {
	image := make([]byte, 1024+4096)
	image[0x1f1] = 1
	copy(image[0x202:], "HdrS")
	binary.LittleEndian.PutUint32(image[0x1f4:], 4096/16)
	return fileOf(t, image)
}

// elfKernel writes a vmlinux that takes 2 MiB at 16 MiB and has one note, by the given owner, with
// its PVH entry point.
func elfKernel(t *testing.T, machine elf.Machine, owner string) string {
	t.Helper()
	const head, program, notes = 64, 56, 64 + 2*56
	load := elf.Prog64{Type: uint32(elf.PT_LOAD), Paddr: 16 << 20, Memsz: 2 << 20}
	note := elf.Prog64{Type: uint32(elf.PT_NOTE), Off: notes, Filesz: 20}
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Phoff: head, Ehsize: head, Phentsize: program, Phnum: 2,
		Shoff: notes + 20, Shentsize: 64, Shnum: 1,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	names := elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: notes + 3, Size: 1}
	var b bytes.Buffer
	for _, part := range []any{h, load, note, [3]uint32{4, 4, 18}, []byte(owner), uint32(0x1000000), names} {
		require.NoError(t, binary.Write(&b, binary.LittleEndian, part))
	}
	return fileOf(t, b.Bytes())
}

func fileOf(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, data, 0o644))
	return path
}

// cut returns a copy of a file that ends after the given part of it.
func cut(t *testing.T, path string, part float64) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return fileOf(t, data[:int(float64(len(data))*part)])
}

package kconfigs

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"
)

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// vmlinux begins like an ELF file and contains a .config.
func vmlinux(config []byte) []byte {
	return append(append([]byte("\x7fELF"+strings.Repeat("x", 2000)+"IKCFG_ST"), config...), "IKCFG_ED and more"...)
}

// bzImage is a boot header of one sector, followed by a compressed kernel.
func bzImage(inner, tail []byte) []byte {
	image := make([]byte, 1024)
	image[0x1f1] = 1
	copy(image[0x202:], "HdrS")
	binary.LittleEndian.PutUint32(image[0x248:], 0)
	binary.LittleEndian.PutUint32(image[0x24c:], uint32(len(inner)+len(tail)))
	return append(append(image, inner...), tail...)
}

func TestReadPacked(t *testing.T) {
	const text = "CONFIG_NET=y\n# CONFIG_UNIX is not set\n"
	var x, z bytes.Buffer
	xw, err := xz.NewWriter(&x)
	require.NoError(t, err)
	zw, err := zstd.NewWriter(&z)
	require.NoError(t, err)
	for _, w := range []interface {
		Write([]byte) (int, error)
		Close() error
	}{xw, zw} {
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	gz := gzipped(t, text)
	zstdKernel, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"plain": []byte(text), "config.gz": gz, "config.xz": x.Bytes(), "config.zst": z.Bytes(),
		"vmlinux": vmlinux(gz), "bzImage-gzip": bzImage(gzipped(t, string(vmlinux(gz))), nil),
		"bzImage-zstd": bzImage(zstdKernel.EncodeAll(vmlinux(gz), nil), make([]byte, 4)),
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o644))
		p, err := ReadConfig(path)
		require.NoError(t, err, name)
		assert.Equal(t, text, p.Start.Text, name)
		f, err := ReadFragment(path)
		require.NoError(t, err, name)
		assert.Equal(t, []Setting{{Symbol: "NET", Value: "y", Fragment: path, Line: 1}, {Symbol: "UNIX", Value: "n", Fragment: path, Line: 2}}, f.Settings, name)
	}
}

func TestReadPackedFaults(t *testing.T) {
	bomb := gzipped(t, strings.Repeat("# nothing\n", 1<<20))
	gz := gzipped(t, strings.Repeat("CONFIG_NET=y\n", 100))
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"bomb":    {bomb, "it unpacks to more than 8388608 bytes"},
		"cut":     {gz[:len(gz)-9], "its gzip data is truncated"},
		"head":    {gz[:5], "its gzip data is truncated"},
		"flipped": {append(bytes.Clone(gz[:len(gz)-8]), 0, 0, 0, 0, 0, 0, 0, 0), "its gzip data is damaged: gzip: invalid checksum"},
		"lz4":     {[]byte("\x04\x22\x4d\x18...."), "it is compressed with lz4, which is not supported: unpack it first"},
		"utf16":   {[]byte("\xff\xfeC\x00O\x00N\x00"), "it is not text, or text in UTF-16: save it as UTF-8"},
		"object":  {[]byte("CONFIG_NET=y\n\x00\x00"), "it is not text: byte 14 is 0"},
		"kernel":  {vmlinux(nil)[:1500], "it is a kernel without its .config (CONFIG_IKCONFIG)"},
		"bzImage": {bzImage(gz, nil)[:1040], "it is a truncated kernel"},
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, tt.data, 0o644))
		_, err := ReadConfig(path)
		assert.EqualError(t, err, path+": reading the config: "+tt.want, name)
		var re *RequestError
		assert.ErrorAs(t, err, &re, name)
	}
}

// A shell's <(...) and /dev/stdin are pipes; a FIFO without a writer must not block.
func TestReadPipe(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	_, err = w.Write(gzipped(t, "CONFIG_NET=y\n"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	path := "/proc/self/fd/" + strconv.Itoa(int(r.Fd()))
	p, err := ReadConfig(path)
	require.NoError(t, err)
	assert.Equal(t, "CONFIG_NET=y\n", p.Start.Text)

	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	for name, want := range map[string]string{
		fifo: "nothing came through the pipe", "/dev/zero": "it is a device, not a regular file",
	} {
		_, err = ReadFragment(name)
		assert.EqualError(t, err, name+": reading the fragment: "+want)
	}
}

func TestTidied(t *testing.T) {
	text, remarks := tidied("my.config", []byte("\ufeff# caf\xe9\r\nCONFIG_NET=y \r\nCONFIG_HZ=\nCONFIG_INET=yes\nCONFIG_UNIX=y # sockets\n"+
		"CONFIG_S=\"a \\\" b\"  # s\n# CONFIG_PACKET is not set  \n#CONFIG_TUN is not set\nCONFIG_NET=m\n# x\ty\n#\x01\nCONFIG_NET=m"))
	assert.Equal(t, "#\n\n\nCONFIG_INET=y\nCONFIG_UNIX=y\nCONFIG_S=\"a \\\" b\"\n# CONFIG_PACKET is not set\n#\n\n# x\ty\n#\nCONFIG_NET=m\n", string(text))
	assert.Equal(t, []string{
		"my.config:4: CONFIG_INET=yes: read as CONFIG_INET=y, as Kconfig reads it",
		"my.config:5: CONFIG_UNIX=y # sockets: read as CONFIG_UNIX=y, as Kconfig reads it",
		`my.config:6: CONFIG_S="a \" b"  # s: read as CONFIG_S="a \" b", as Kconfig reads it`,
		`my.config:8: "#CONFIG_TUN is not set" is a comment to Kconfig and sets nothing`,
		"my.config:2: CONFIG_NET: overridden in line 9",
		"my.config: 2 lines end in CRLF: read without the CR",
		"my.config: 2 lines end in white space: read without it",
	}, remarks)
	for _, name := range []string{"full", "no-net"} { // Kconfig's own output is not changed
		data, err := os.ReadFile(filepath.Join("testdata", "final", name+".config"))
		require.NoError(t, err)
		same, remarks := tidied(name, data)
		assert.Equal(t, string(data), string(same))
		assert.Empty(t, remarks)
	}
}

func TestArchitecture(t *testing.T) {
	const only = ": netstrip builds kernels for x86_64, arm64, riscv64 only"
	head := func(arch string) string {
		return "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/" + arch + " 6.12.30 Kernel Configuration\n#\n"
	}
	for text, want := range map[string]string{
		head("x86") + "CONFIG_X86_64=y\n":                       "",
		head("x86_64") + "CONFIG_64BIT=y\n":                     "",
		"# CONFIG_ARM64 is not set\nCONFIG_ARM64_X=y\n":         "",
		"CONFIG_NET=y\n":                                        "",
		head("i386") + "# CONFIG_64BIT is not set\n":            "3: it is for i386 (Linux/i386 6.12.30 Kernel Configuration)" + only,
		head("um") + "CONFIG_NET=y\n":                           "3: it is for um (Linux/um 6.12.30 Kernel Configuration)" + only,
		"CONFIG_RISCV=y\n# CONFIG_64BIT is not set\n":           "2: it is for 32-bit riscv (CONFIG_64BIT is not set)" + only,
		head("arm64") + "CONFIG_RISCV=y\n":                      "3: its header says arm64, and line 5 says riscv (CONFIG_RISCV=y): remove the wrong line",
		"CONFIG_PPC64=y\r\n":                                    "1: it is for powerpc (CONFIG_PPC64=y)" + only,
		"CONFIG_LOONGARCH=y \n":                                 "1: it is for loongarch (CONFIG_LOONGARCH=y)" + only,
		"CONFIG_X86=y\nCONFIG_X86_32=y\n":                       "2: it is for i386 (CONFIG_X86_32=y)" + only,
		head("x86") + "# CONFIG_64BIT is not set\n":             "5: it is for i386 (CONFIG_64BIT is not set)" + only,
		"# CONFIG_64BIT is not set\nCONFIG_NET=y\n":             "1: it is for a 32-bit architecture (CONFIG_64BIT is not set)" + only,
		head("x86") + "CONFIG_MIPS=y\n":                         "3: its header says x86, and line 5 says mips (CONFIG_MIPS=y): remove the wrong line",
		head("s390") + "CONFIG_X86_64=y\n":                      "3: its header says s390, and line 5 says x86 (CONFIG_X86_64=y): remove the wrong line",
		"# Linux/arm 4.14.0-rc1+ Configuration\nCONFIG_ARM=y\n": "2: it is for arm (CONFIG_ARM=y)" + only,
	} {
		_, err := UserConfig("my.config", []byte(text))
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.EqualError(t, err, "my.config:"+want, text)
		path := filepath.Join(t.TempDir(), "my.config")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		_, err = ReadFragment(path)
		require.EqualError(t, err, path+":"+want, "a fragment is refused as well")
	}
}

func TestArchitectureOfAConfig(t *testing.T) {
	for text, want := range map[string]string{
		"CONFIG_NET=y\n": "",
		"# Linux/arm64 6.12.30 Kernel Configuration\nCONFIG_NET=y\n": "arm64",
		"# Linux/x86 6.12.30 Kernel Configuration\nCONFIG_NET=y\n":   "x86_64",
		"CONFIG_64BIT=y\nCONFIG_ARM64=y\n":                           "arm64",
		"CONFIG_NET=y\nCONFIG_RISCV=y\n":                             "riscv64",
		"CONFIG_ARM64_PAN=y\nCONFIG_X86_X=y\nCONFIG_ARM64_VHE=y\n":   "arm64",
	} {
		p, err := UserConfig("my.config", []byte(text))
		require.NoError(t, err, text)
		assert.Equal(t, want, p.Arch, text)
		r, err := p.Request()
		require.NoError(t, err)
		assert.Equal(t, want, r.Arch)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/kbuild"
)

// needKconfig skips where there is no kernel source to ask, or none should be asked.
func needKconfig(t *testing.T) {
	t.Helper()
	if testing.Short() && os.Getenv(requireVM) == "" {
		t.Skip("-short: THE KERNEL'S KCONFIG IS NOT ASKED; run: make test")
	}
	if _, err := os.Stat("/usr/src/linux-source-6.12.tar.xz"); err != nil {
		require.Empty(t, os.Getenv(requireVM), "%s is set: %v", requireVM, err)
		t.Skipf("THE KERNEL'S KCONFIG IS NOT ASKED: %v", err)
	}
	t.Setenv(sourceEnv, "")
	t.Setenv(seriesEnv, "")
}

// TestCompare compares profiles of the installed kernel source, built or not.
func TestCompare(t *testing.T) {
	needKconfig(t)
	netstrip := func(args ...string) string {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 0, run(append([]string{"compare", "--quiet", "--config"}, args...), &stdout, &stderr), "%s", &stderr)
		assert.Empty(t, stderr.String())
		return stdout.String()
	}
	var got comparison
	require.NoError(t, json.Unmarshal([]byte(netstrip("--json", "full", "no-net")), &got))
	assert.Equal(t, "full", got.A.Name)
	require.Len(t, got.Symbols.Asked, 1)
	net := got.Symbols.Asked[0]
	assert.Equal(t, "NET no-net.config:3", net.Symbol+" "+net.Asked)
	assert.Len(t, net.Followed, got.Symbols.Differ-1)
	assert.Empty(t, got.Symbols.Left)

	t.Chdir(t.TempDir())
	const file = "mine.config"
	require.NoError(t, os.WriteFile(file, []byte("CONFIG_64BIT=y\nCONFIG_TTY=y\n# CONFIG_DEVTMPFS is not set\n"), 0o644))
	out := netstrip(file, file)
	assert.Contains(t, out, file+" to "+file+": no symbol differs\n")
	assert.Contains(t, out, "\n"+file+" is compared with what the guest needs otherwise: DEVTMPFS=y (was n)\n")
	assert.Contains(t, out, "\n"+file+" has not been built, so its sizes are not known: netstrip build --config "+file+"\n")
	assert.Equal(t, 1, strings.Count(out, "has not been built"), "once for both")
	assert.NotContains(t, out, "bzImage")
}

// TestCompareOtherKernels reads .configs of kernels that the source in use is not of.
func TestCompareOtherKernels(t *testing.T) {
	needKconfig(t)
	a := &app{stdout: io.Discard, stderr: io.Discard}
	b, err := a.builder(t.Context(), &flags{quiet: true})
	require.NoError(t, err)
	k, err := b.Kconf(t.Context())
	require.NoError(t, err)
	defer k.Close()
	config := filepath.Join(t.TempDir(), "config")
	settle := func(version, text string) ([]string, error) {
		require.NoError(t, os.WriteFile(config, []byte(text), 0o644))
		s := &side{Name: "abcd", Kernel: &kbuild.Kernel{Version: version, Config: config}}
		err := s.settle(t.Context(), b, k)
		return s.Notes, err
	}
	notes, err := settle("6.12.1-cloud", "CONFIG_64BIT=y\n# CONFIG_NET is not set\n")
	require.NoError(t, err)
	assert.Empty(t, notes)
	notes, err = settle("6.12.1-cloud", "CONFIG_64BIT=y\nCONFIG_NO_SUCH_SYMBOL=y\nCONFIG_SPARC=y\n")
	require.NoError(t, err)
	assert.Equal(t, []string{"abcd (6.12.1-cloud) is read with the Kconfig files of the source in use, which have 2 of its symbols otherwise or not at all"}, notes)
	_, err = settle("6.1.192", "CONFIG_64BIT=y\n")
	require.ErrorContains(t, err, "the kernel abcd is Linux 6.1.192, and the source in use 6.12.")
	assert.True(t, isA[usageError](err))
	require.NoError(t, os.Remove(config))
	err = (&side{Name: "abcd", Kernel: &kbuild.Kernel{Config: config}}).settle(t.Context(), b, k)
	require.EqualError(t, err, "the kernel abcd came without a .config: there is nothing to compare")
}

func TestCompareSizes(t *testing.T) {
	kernel := func(image int64, dirs ...kbuild.Directory) *kbuild.Kernel {
		k := &kbuild.Kernel{ImageBytes: image, Dir: "/cache/kernel/0", Directories: dirs}
		for _, d := range dirs {
			k.Text, k.Data, k.BSS = k.Text+d.Text, k.Data+d.Data, k.BSS+d.BSS
		}
		return k
	}
	full := kernel(3<<20, kbuild.Directory{Name: "fs", Objects: 90, Text: 1 << 20, Data: 9 << 10, BSS: 12},
		kbuild.Directory{Name: "mm", Objects: 9, Text: 1 << 10}, kbuild.Directory{Name: "net", Objects: 130, Text: 2 << 20, Data: 64 << 10, BSS: 1 << 10})
	small := kernel(1<<20, kbuild.Directory{Name: "fs", Objects: 91, Text: 1<<20 + 512, Data: 9 << 10, BSS: 12},
		kbuild.Directory{Name: "mm", Objects: 9, Text: 1 << 10})
	old := &kbuild.Kernel{ImageBytes: 1 << 20, Text: 2 << 20, Data: 5 << 10, BSS: 1, Dir: "/cache/a kernel"}
	write := func(a, b *kbuild.Kernel, markdown bool) string {
		c := comparison{A: &side{Name: "full", Kernel: a}, B: &side{Name: "small", Kernel: b}, Directories: directories(a, b)}
		c.A.explainSizes("netstrip build full")
		c.B.explainSizes("")
		var out strings.Builder
		require.NoError(t, c.writeSizes(&out, markdown))
		return out.String()
	}
	assert.Equal(t, `
Sizes: A is full, B is small

         objects           text              data           bss        difference
               A    B         A         B       A      B      A     B
net          130    -  2.00 MiB         -  64 KiB      -  1 KiB     -   -2.06 MiB
fs            90   91  1.00 MiB  1.00 MiB   9 KiB  9 KiB   12 B  12 B      +512 B
mm             9    9     1 KiB     1 KiB       -      -      -     -           0
vmlinux      229  100  3.00 MiB  1.00 MiB  73 KiB  9 KiB  1 KiB  12 B   -2.06 MiB

bzImage: A 3.00 MiB, B 1.00 MiB, difference -2.00 MiB
`, write(full, small, false))
	assert.Contains(t, write(full, small, true), "\n| net | 130 | - | 2.00 MiB | - | 64 KiB | - | 1 KiB | - | -2.06 MiB |\n")
	assert.Contains(t, write(old, full, false), "\nfull was built before sizes were kept by directory: rm -r '/cache/a kernel' && netstrip build full\n")
	assert.Contains(t, write(full, old, false), "\nsmall was built before sizes were kept by directory\n")
	assert.Contains(t, write(full, old, false), "vmlinux")
	assert.NotContains(t, write(full, old, false), "net ")
	elsewhere := write(&kbuild.Kernel{ImageBytes: 5 << 20}, full, false)
	assert.Equal(t, "\nbzImage: A 5.00 MiB, B 3.00 MiB, difference -2.00 MiB\n\nfull was compiled elsewhere: no size is known but that of its image\n", elsewhere)
	assert.Equal(t, "\nfull has not been built, so its sizes are not known: netstrip build full\n", write(nil, small, false))
}

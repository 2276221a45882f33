package compare

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kernel"
)

func TestSizes(t *testing.T) {
	sized := func(image int64, dirs ...kbuild.Directory) *kbuild.Kernel {
		k := &kbuild.Kernel{Built: kernel.Built{ImageBytes: image}, Directories: dirs}
		for _, d := range dirs {
			k.Text, k.Data, k.BSS = k.Text+d.Text, k.Data+d.Data, k.BSS+d.BSS
		}
		return k
	}
	full := sized(3<<20, kbuild.Directory{Name: "fs", Objects: 90, Text: 1 << 20, Data: 9 << 10, BSS: 12},
		kbuild.Directory{Name: "mm", Objects: 9, Text: 1 << 10}, kbuild.Directory{Name: "net", Objects: 130, Text: 2 << 20, Data: 64 << 10, BSS: 1 << 10})
	small := sized(1<<20, kbuild.Directory{Name: "fs", Objects: 91, Text: 1<<20 + 512, Data: 9 << 10, BSS: 12},
		kbuild.Directory{Name: "mm", Objects: 9, Text: 1 << 10})
	old := &kbuild.Kernel{Built: kernel.Built{ImageBytes: 1 << 20, Text: 2 << 20, Data: 5 << 10, BSS: 1}}
	write := func(a, b *kbuild.Kernel, markdown bool) string {
		var out strings.Builder
		require.NoError(t, Between(&Side{Name: "full", Kernel: a}, &Side{Name: "small", Kernel: b}).Write(&out, configdiff.Text{Markdown: markdown}))
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
	assert.Contains(t, write(full, old, false), "\nvmlinux ")
	assert.NotContains(t, write(full, old, false), "net ")
	assert.Equal(t, "\nbzImage: A 5.00 MiB, B 3.00 MiB, difference -2.00 MiB\n", write(&kbuild.Kernel{Built: kernel.Built{ImageBytes: 5 << 20}}, full, false))
	assert.Empty(t, write(nil, small, false))
}

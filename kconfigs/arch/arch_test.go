package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for name, want := range map[string]string{
		"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "arm64", "riscv64": "riscv64", "riscv": "riscv64",
	} {
		a, err := Parse(name)
		require.NoError(t, err, name)
		assert.Equal(t, want, a.Name, name)
		again, err := Labelled(a.Label())
		require.NoError(t, err)
		assert.Equal(t, a.Name, again.Name)
	}
	_, err := Parse("sparc")
	require.EqualError(t, err, `no such architecture: "sparc"; want `+strings.Join(Names(), ", "))
}

func TestDefault(t *testing.T) {
	t.Setenv(Env, "")
	a, err := Parse("")
	require.NoError(t, err)
	assert.Equal(t, Default().Name, a.Name)
	assert.Equal(t, a.Native(), a.Compiler() == "")
	t.Setenv(Env, "riscv64")
	assert.Equal(t, "riscv64", Default().Name)
	t.Setenv(Env, "sparc")
	_, err = Parse("")
	require.Error(t, err)
}

// Every field that all architectures need is set, and each has its fragment.
func TestAll(t *testing.T) {
	for _, a := range All() {
		for what, value := range map[string]string{
			"GOARCH": a.GOARCH, "Debian": a.Debian, "Multiarch": a.Multiarch, "ARCH": a.ARCH, "Dir": a.Dir, "Symbol": a.Symbol,
			"Header": a.Header, "Cross": a.Cross, "Target": a.Target, "Image": a.Image, "Defconfig": a.Defconfig, "QEMU": a.QEMU,
			"Console": a.Console, "Fallback": a.Fallback,
		} {
			assert.NotEmpty(t, value, "%s of %s", what, a.Name)
		}
		assert.NotZero(t, a.ELF)
		assert.NotZero(t, a.CommandLine)
		assert.NotEmpty(t, a.Machine)
		data, err := os.ReadFile(filepath.Join("..", a.Name+".config"))
		require.NoError(t, err)
		assert.Regexp(t, regexp.MustCompile(`(?m)^CONFIG_SERIAL_`), string(data))
	}
}

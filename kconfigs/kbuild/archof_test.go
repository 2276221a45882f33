package kbuild

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// The defconfigs in the source are recognized by their symbols alone. Only that of x86 has some that
// begin with the name of the architecture.
func TestArchOfDefconfigs(t *testing.T) {
	b := realSource(t)
	j := &job{Builder: b}
	var err error
	j.tree, err = b.Source.Tree(t.Context())
	require.NoError(t, err)
	for _, tt := range []struct{ file, named, want string }{
		{"arch/arm64/configs/defconfig", "", "arm64"},
		{"arch/riscv/configs/defconfig", "", "riscv64"},
		{"arch/x86/configs/x86_64_defconfig", "x86_64", ""},
	} {
		text, err := j.readTree(tt.file)
		require.NoError(t, err)
		p, err := kconfigs.UserConfig("defconfig", []byte(text))
		require.NoError(t, err)
		assert.Equal(t, tt.named, p.Arch, tt.file)
		got, err := ArchOf(t.Context(), "", source.Options{}, p)
		require.NoError(t, err)
		assert.Equal(t, tt.want, got, tt.file)
	}
}

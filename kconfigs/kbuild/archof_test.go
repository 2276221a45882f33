package kbuild

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// The defconfigs in the source are recognized by their symbols alone.
func TestArchOfDefconfigs(t *testing.T) {
	b := realSource(t)
	j := &job{Builder: b}
	var err error
	j.tree, err = b.Source.Tree(t.Context())
	require.NoError(t, err)
	for file, want := range map[string]string{
		"arch/arm64/configs/defconfig": "arm64", "arch/riscv/configs/defconfig": "riscv64", "arch/x86/configs/x86_64_defconfig": "",
	} {
		text, err := j.readTree(file)
		require.NoError(t, err)
		p, err := kconfigs.UserConfig("defconfig", []byte(text))
		require.NoError(t, err)
		assert.Empty(t, p.Arch)
		got, err := ArchOf(t.Context(), "", source.Options{}, p)
		require.NoError(t, err)
		assert.Equal(t, want, got, file)
	}
}

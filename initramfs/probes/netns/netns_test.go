//go:build linux

package netns

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNetnsInode(t *testing.T) {
	inode, err := inodeOf("net:[4026531840]")
	require.NoError(t, err)
	assert.Equal(t, 4026531840.0, inode)
	_, err = inodeOf("mnt:[4026531840]")
	assert.Error(t, err)
}

//go:build linux

package socket

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with the file path, or writes it there with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// A uevent that a kernel sent, with the requested UUID.
func TestUeventIs(t *testing.T) {
	message, err := os.ReadFile("testdata/uevent/null.bin")
	require.NoError(t, err)
	const head, uuid = "change@/devices/virtual/mem/null", "6e657473-7472-4970-8000-00000000002a"
	assert.True(t, ueventIs(message, head, uuid))
	assert.False(t, ueventIs(message, "add@/devices/virtual/mem/null", uuid))
	assert.False(t, ueventIs(message, head, uuid[:35]+"b"))
	assert.False(t, ueventIs(message[:40], head, uuid))
	assert.False(t, ueventIs(nil, head, uuid))
}

// A kernel's reply to an RTM_GETLINK dump.
func TestLinkNames(t *testing.T) {
	raw, err := os.ReadFile("testdata/links.bin")
	require.NoError(t, err)
	names, err := linkNames(raw)
	require.NoError(t, err)
	golden(t, "testdata/links.golden", strings.Join(names, "\n")+"\n")
	_, err = linkNames(raw[:len(raw)-4])
	assert.Error(t, err)
}

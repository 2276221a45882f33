package packed

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzUnpack checks that no file unpacks to more than the limit or crashes the program. The seeds
// in testdata are net.config compressed with gzip, xz and zstd, and the first of these between the
// marks of CONFIG_IKCONFIG.
func FuzzUnpack(f *testing.F) {
	files, err := filepath.Glob("testdata/*")
	require.NoError(f, err)
	require.Len(f, files, 4)
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data)
	}
	for _, way := range formats() {
		f.Add([]byte(way.magic + "12345678901234567890"))
	}
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	image := make([]byte, 1100)
	copy(image[0x202:], "HdrS")
	f.Add(image)
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 12
		got, err := Unpack(data, limit)
		if err == nil && Compressed(data) {
			require.LessOrEqual(t, len(got), limit)
		} else if err == nil {
			require.True(t, bytes.Equal(data, got))
		}
		config, err := Config(data, limit)
		if err == nil {
			require.LessOrEqual(t, len(config), limit)
		}
	})
}

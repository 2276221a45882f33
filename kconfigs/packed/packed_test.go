package packed

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzUnpack holds that nothing a file may say unpacks to more than was allowed, or ends
// the program.
func FuzzUnpack(f *testing.F) {
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

package wire

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Characters that would end the list on the kernel's command line are refused, wherever the
// list comes from.
func TestMatches(t *testing.T) {
	for patterns, want := range map[string]bool{
		"lo/up": true, "*": true, "lo/mtu,*/up": true, "": false, "lo/*": true, "lo/[a-u]p": true, "LO/UP": false, "lo": false,
	} {
		ok, err := Matches(patterns, "lo/up")
		assert.NoError(t, err, patterns)
		assert.Equal(t, want, ok, patterns)
	}
	for _, patterns := range []string{
		"lo/up x", "lo/up\tx", "lo/up\nx", "lo/up\vinit=/x", "lo/up\fx", "lo/up\rx", "lo/\x00up", "lo/\x7f", `lo/"up`,
		"lo/\u00a0up", "lo/\u2028up", "lo/\xa0up", "lo/ü", "lo/[", "lo/\x1b[31m",
	} {
		ok, err := Matches(patterns, "lo/up")
		assert.False(t, ok, "%q", patterns)
		assert.ErrorContains(t, err, "selecting probes by ", "%q", patterns)
	}
}

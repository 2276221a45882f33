package explain

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseWanted(t *testing.T) {
	got, err := parseWanted("want", []byte("# a comment\nCONFIG_NET=y\nUNIX\n\nCONFIG_INET\nNR_CPUS=64\n# CONFIG_IPV6 is not set\nCMDLINE=\"a b\"\n"))
	require.NoError(t, err)
	assert.Equal(t, []Wanted{
		{"NET", "y", "want", 2}, {"UNIX", "", "want", 3}, {"INET", "", "want", 5}, {"NR_CPUS", "64", "want", 6},
		{"IPV6", "n", "want", 7}, {"CMDLINE", `"a b"`, "want", 8},
	}, got)
	for text, want := range map[string]string{
		"NET\nUNIX y\n":     `want:2: "UNIX y" is neither`,
		"NET=maybe\n":       "want:1: CONFIG_NET: ",
		"NET\nNET=y\n":      "want:2: CONFIG_NET: already set in line 1",
		"":                  "want: it lists no symbol",
		"# only a remark\n": "want: it lists no symbol",
	} {
		_, err := parseWanted("want", []byte(text))
		assert.ErrorContains(t, err, want, text)
	}
}

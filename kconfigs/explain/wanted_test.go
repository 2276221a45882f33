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
		{Symbol: "NET", Value: "y", Fragment: "want", Line: 2}, {Symbol: "UNIX", Value: "", Fragment: "want", Line: 3}, {Symbol: "INET", Value: "", Fragment: "want", Line: 5}, {Symbol: "NR_CPUS", Value: "64", Fragment: "want", Line: 6},
		{Symbol: "IPV6", Value: "n", Fragment: "want", Line: 7}, {Symbol: "CMDLINE", Value: `"a b"`, Fragment: "want", Line: 8},
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

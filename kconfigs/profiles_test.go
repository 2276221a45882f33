package kconfigs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProfilesFile(t *testing.T) {
	got, err := parseProfiles(profilesFile)
	require.NoError(t, err)
	require.Len(t, got.Ladder, 8)
	assert.Equal(t, "full", got.Ladder[0].Name)
	assert.Equal(t, "no-net", got.Ladder[7].Name)
	assert.Equal(t, []string{"netstrip.lo=down"}, got.Others[0].Args)
	assert.Equal(t, &Prebuilt{Distro: true}, lookup(t, "distro").Prebuilt)
	assert.Equal(t, Start{Name: "tinyconfig"}, lookup(t, "tiny").Start)
}

func TestProfilesFaults(t *testing.T) {
	const good = "ladder:\n- {name: a, hypothesis: x, fragments: [guest]}\n"
	_, err := parseProfiles([]byte(good))
	require.NoError(t, err)
	for text, want := range map[string]string{
		"":               "parsing the profiles: EOF",
		"rungs: []\n":    "line 1: field rungs not found",
		good + "---\n{}": "there is more than one document",
		good + "others:\n- {name: b, hypothesis: x, fragment: [guest]}":  "line 4: field fragment not found",
		good + "others:\n- {name: a, hypothesis: x, fragments: [guest]}": "there are two profiles a",
		good + "others:\n- {name: b+c, hypothesis: x}":                   `"b+c" is no name of a profile`,
		good + "others:\n- {hypothesis: x, fragments: [guest]}":          `"" is no name of a profile`,
		good + "others:\n- {name: b, fragments: [guest]}":                "b has no hypothesis",
		good + "others:\n- {name: b, hypothesis: x}":                     "b has neither fragments nor",
		good + "others:\n- {name: b, hypothesis: x, fragments: [nos]}":   `b: no fragment is called "nos"`,
		good + "apps: {of: [b]}":                                         "apps: no profile is called b",
	} {
		_, err := parseProfiles([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

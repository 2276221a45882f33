package kconfigs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/ref"
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

func TestProfilesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Profiles() {
		assert.Equal(t, ref.Ref{Base: p.Name}, ref.Parse(p.Name))
		assert.False(t, seen[p.Name], "%s is there twice", p.Name)
		assert.NotEmpty(t, p.Hypothesis, p.Name)
		assert.Equal(t, p.Prebuilt != nil, p.Fragments == nil, "%s has either fragments or a kernel", p.Name)
		_, err := p.Request()
		require.NoError(t, err, p.Name)
		seen[p.Name] = true
	}
	for _, name := range profiles().Apps.Of {
		assert.True(t, seen[name], "apps: no profile is called %s", name)
	}
	assert.Len(t, Apps(), len(profiles().Apps.Of))
}

func TestProfilesFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "parsing the profiles: EOF",
		"rungs: []\n":                      "line 1: field rungs not found",
		"ladder: []\n---\n{}":              "there is more than one document",
		"others:\n- {fragment: [guest]}\n": "line 2: field fragment not found",
		"ladder: {name: a}\n":              "cannot unmarshal",
	} {
		_, err := parseProfiles([]byte(text))
		require.ErrorContains(t, err, want, text)
	}
}

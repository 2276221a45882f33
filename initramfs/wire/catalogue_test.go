package wire

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCatalogue(t *testing.T) {
	all, err := parseCatalogue(catalogue)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	form := regexp.MustCompile(`^[a-z]+(/[a-z0-9.-]+)+$`)
	symbol := regexp.MustCompile(`^[A-Z0-9_]+$`)
	var families []string
	for _, p := range all {
		assert.Regexp(t, form, p.ID)
		assert.Regexp(t, `^[A-Z].*\?$`, p.Question, p.ID)
		for _, s := range p.Symbols {
			assert.Regexp(t, symbol, s, p.ID)
		}
		family, _, _ := strings.Cut(p.ID, "/")
		if !slices.Contains(families, family) {
			families = append(families, family)
		}
		assert.Equal(t, families[len(families)-1], family, "%s is not with its family", p.ID)
	}
	assert.Equal(t, []string{"lo", "netns", "socket", "isolation", "path", "kernel", "perf", "init"}, families)
}

func TestParseCatalogue(t *testing.T) {
	got, err := parseCatalogue("# a comment\n\na/b  X,Y  Is it there?\n    always: it is\nc/d - Is  it?\n    despite: C code\ne/f ? Is it?\n")
	require.NoError(t, err)
	assert.Equal(t, []Probe{
		{ID: "a/b", Question: "Is it there?", Symbols: []string{"X", "Y"}, Always: "it is"},
		{ID: "c/d", Question: "Is it?", Despite: "C code"},
		{ID: "e/f", Question: "Is it?"},
	}, got)
	for text, line := range map[string]string{
		"a/b X\n":                          "line 1",
		"a/b X Why?\na/b X Why?\n":         "line 2",
		"    always: it is\n":              "line 1",
		"a/b X Why?\n    never: it is\n":   "line 2",
		"a/b X Why?\n    c/d Y Why not?\n": "line 2",
	} {
		_, err := parseCatalogue(text)
		assert.ErrorContains(t, err, line, text)
	}
}

func FuzzParseCatalogue(f *testing.F) {
	f.Add(catalogue)
	f.Add("a/b X Why?\n    always: it is\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseCatalogue(text)
		if err != nil {
			assert.Nil(t, all)
		}
		for _, p := range all {
			assert.False(t, p.ID == "" || p.Question == "" || strings.ContainsAny(p.ID, " \n"), "%+v", p)
		}
	})
}

func TestAsked(t *testing.T) {
	for _, tc := range []struct {
		id, patterns string
		init, want   bool
	}{
		{"lo/mtu", "", false, true}, {"lo/mtu", "lo/*", false, true}, {"lo/mtu", "netns/*", true, false},
		{"perf/pipe", "", false, false}, {"perf/pipe", "*", false, true},
		{"init/lo", "*", false, false}, {"init/lo", "lo/*", true, true}, {"init/lo", "", true, true},
	} {
		got, err := Asked(tc.id, tc.patterns, tc.init)
		assert.NoError(t, err)
		assert.Equal(t, tc.want, got, "%+v", tc)
	}
	_, err := Asked("lo/mtu", "lo/[", false)
	assert.Error(t, err)
}

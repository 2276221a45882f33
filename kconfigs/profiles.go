package kconfigs

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/ref"
)

//go:embed profiles.yaml
var profilesFile []byte

// profiles returns what profiles.yaml says.
var profiles = sync.OnceValue(func() table {
	t, err := parseProfiles(profilesFile)
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return t
})

// table is profiles.yaml.
type table struct {
	Ladder, Others []Profile
	Apps           variant
}

// variant is a rule that makes variants of profiles.
type variant struct {
	Of        []string
	Beside    string
	Fragments []string
	With      map[string][]string // more fragments for profiles that have a certain one
}

// parseProfiles reads the table of profiles strictly.
func parseProfiles(data []byte) (table, error) {
	var t table
	if err := file.YAML(data, &t); err != nil {
		return t, fmt.Errorf("parsing the profiles: %w", err)
	}
	var bad []error
	seen := map[string]bool{}
	wrong := func(format string, args ...any) {
		bad = append(bad, fmt.Errorf("parsing the profiles: "+format, args...))
	}
	for _, p := range slices.Concat(t.Ladder, t.Others) {
		switch {
		case p.Name != ref.Plain(p.Name) || p.Name == "":
			wrong("%q is no name of a profile", p.Name)
		case seen[p.Name]:
			wrong("there are two profiles %s", p.Name)
		case p.Hypothesis == "":
			wrong("%s has no hypothesis", p.Name)
		case (p.Prebuilt == nil) == (p.Fragments == nil):
			wrong("%s has neither fragments nor a kernel that was built elsewhere, or both", p.Name)
		}
		seen[p.Name] = true
		for _, f := range p.Fragments {
			if _, err := readEmbedded(f); err != nil {
				wrong("%s: %w", p.Name, err)
			}
		}
	}
	for _, name := range t.Apps.Of {
		if !seen[name] {
			wrong("apps: no profile is called %s", name)
		}
	}
	return t, errors.Join(bad...)
}

// Ladder returns the profiles that remove networking part by part, in the order that is
// cheapest to build in one object tree.
func Ladder() []Profile { return slices.Clone(profiles().Ladder) }

// Profiles returns all profiles: the ladder, and kernels to compare it with.
func Profiles() []Profile { return slices.Concat(profiles().Ladder, profiles().Others) }

// Apps returns the variants of profiles for real applications: full+apps to no-net+apps, and
// lo-down+apps.
func Apps() []Profile {
	var all []Profile
	rule := profiles().Apps
	for _, p := range Profiles() {
		if !slices.Contains(rule.Of, p.Name) {
			continue
		}
		p.Name = ref.Ref{Base: p.Name, Apps: true}.String()
		p.Start.Beside = rule.Beside
		more := rule.Fragments
		for _, f := range p.Fragments {
			more = slices.Concat(more, rule.With[f])
		}
		p.Fragments = slices.Concat(p.Fragments, more)
		all = append(all, p)
	}
	return all
}

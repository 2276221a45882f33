package kconfigs

import (
	_ "embed"
	"fmt"
	"slices"
	"sync"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/ref"
)

//go:embed profiles.yaml
var profilesFile []byte

// profiles returns the contents of profiles.yaml.
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
	// Apps is the rule for the variants of profiles for applications. With maps a fragment to
	// the additional fragments of the profiles that have it.
	Apps struct {
		Of         []string
		ObjectTree string
		Fragments  []string
		With       map[string][]string
	}
}

func parseProfiles(data []byte) (t table, err error) {
	if err = file.YAML(data, &t); err != nil {
		err = fmt.Errorf("parsing the profiles: %w", err)
	}
	return t, err
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
		p.Start.ObjectTree = rule.ObjectTree
		more := rule.Fragments
		for _, f := range p.Fragments {
			more = slices.Concat(more, rule.With[f])
		}
		p.Fragments = slices.Concat(p.Fragments, more)
		all = append(all, p)
	}
	return all
}

package target

import (
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// Arch returns the name of the architecture to build profiles for: the given one, or else the one
// that a user's file among them is for, or else an empty one, which means the default. Profiles
// for different architectures are an error.
func Arch(given string, profiles []kconfigs.Profile) (string, error) {
	by := "--arch " + given
	name := given
	if given != "" {
		a, err := arch.Parse(given)
		if err != nil {
			return "", usage.Errorf("--arch: %w", err)
		}
		name = a.Name
	}
	for _, p := range profiles {
		switch p.Arch {
		case "", name:
			continue
		}
		if name != "" {
			return "", usage.Errorf("%s is for %s, but %s is for %s: name kernels of one architecture", p.Name, p.Arch, by, name)
		}
		name, by = p.Arch, p.Name
	}
	return name, nil
}

package target

import (
	"context"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// Arch returns the name of the architecture to build profiles for: the given one, or else the one
// that a user's file among them is for, or else an empty one, which means the default. Profiles
// for different architectures are an error. The Kconfig files of o's source say what a .config is
// for that does not say it itself; the cache is in dir.
func Arch(ctx context.Context, dir string, o source.Options, given string, profiles []kconfigs.Profile) (string, error) {
	by := "--arch " + given
	name := given
	if given != "" {
		a, err := arch.Parse(given)
		if err != nil {
			return "", usage.Errorf("--arch: %w", err)
		}
		name = a.Name
	}
	for i, p := range profiles {
		if p.Arch == "" && p.Start.Text != "" && given == "" {
			p.Arch, _ = kbuild.ArchOf(ctx, dir, o, p) // without a source, the build reports that
			profiles[i].Arch = p.Arch
		}
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

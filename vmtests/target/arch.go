package target

import (
	"context"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// For returns Profiles, and the name of the architecture to build them for: the one that o names,
// or else the one that a user's file among them is for. Empty means the default. Profiles for
// different architectures are an error. If a .config does not say what it is for, its symbols are
// looked up in the Kconfig files of o's source; the cache is in dir.
func (k Kernels) For(ctx context.Context, dir string, o source.Options, names ...string) ([]kconfigs.Profile, string, error) {
	profiles, err := k.Profiles(names...)
	if err != nil {
		return nil, o.Arch, err
	}
	name, err := archOf(ctx, dir, o, profiles)
	return profiles, name, err
}

// RequestFor returns Request, and the name of the architecture as For does. A list of
// architectures, with commas between them, stays as it is.
func (k Kernels) RequestFor(ctx context.Context, dir string, o source.Options, c Config) (kconfigs.Request, string, error) {
	req, err := k.Request(c)
	if err != nil || strings.Contains(o.Arch, ",") {
		return req, o.Arch, err
	}
	name, err := archOf(ctx, dir, o, []kconfigs.Profile{{Name: req.Profile, Arch: req.Arch, Start: req.Start}})
	return req, name, err
}

func archOf(ctx context.Context, dir string, o source.Options, profiles []kconfigs.Profile) (string, error) {
	given := o.Arch
	name, by := given, "--arch "+given
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

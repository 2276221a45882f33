package target

import (
	"errors"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// Kernels are a user's kernels, and changes to all kernels.
type Kernels struct {
	// Configs are the paths of whole .configs, Images those of kernel images, and Modules is the
	// directory with the modules of a single image.
	Configs, Images []string
	Modules         string
	Fragments       []string
	// Override lets the fragments win over the profile.
	Override bool
}

// Profiles returns the named profiles and those of Configs and Images, or the ladder if there are
// none, each with the fragments. The error lists everything wrong with names and files.
func (k Kernels) Profiles(names ...string) ([]kconfigs.Profile, error) {
	if k.Modules != "" && len(k.Images) != 1 {
		return nil, usage.Errorf("--modules needs exactly one --kernel")
	}
	var profiles []kconfigs.Profile
	added, _, err := readFragments(k.Fragments)
	var wrong []error
	for i, name := range append(names, k.Configs...) {
		read := kconfigs.Lookup
		if i >= len(names) {
			read = kconfigs.ReadConfig
		}
		p, err := read(name)
		profiles, wrong = append(profiles, p), append(wrong, err)
	}
	for _, image := range k.Images {
		profiles = append(profiles, kconfigs.UserKernel(image, k.Modules))
	}
	if len(profiles) == 0 {
		profiles = kconfigs.Ladder()
	}
	if err := errors.Join(append(wrong, err)...); err != nil {
		return nil, err
	}
	for i, p := range profiles {
		profiles[i] = p.With(added...)
		profiles[i].Override = k.Override
		_, err := profiles[i].Request()
		wrong = append(wrong, err)
	}
	return profiles, errors.Join(wrong...)
}

// Config names a kernel's config for commands that build nothing: that of a profile, or a
// .config.
type Config struct{ Profile, File string }

// Given reports whether a config is named.
func (c Config) Given() bool { return c.Profile != "" || c.File != "" }

// Request returns the request for the config with the fragments, empty if none is named. A
// .config is taken as it is: nothing is built, so it need not have what the guest needs.
func (k Kernels) Request(c Config) (kconfigs.Request, error) {
	switch {
	case c.Profile != "" && c.File != "":
		return kconfigs.Request{}, usage.Errorf("--profile and --config exclude each other")
	case !c.Given() && len(k.Fragments) > 0:
		return kconfigs.Request{}, usage.Errorf("--fragment adds to a kernel's config: name one with --profile or --config")
	case !c.Given():
		return kconfigs.Request{}, nil
	}
	var p kconfigs.Profile
	var err error
	if c.File != "" {
		p, err = kconfigs.ReadConfig(c.File)
		p.Name, p.Fragments = c.File, nil
	} else {
		p, err = kconfigs.Lookup(c.Profile)
	}
	p.Override = k.Override
	added, _, wrong := readFragments(k.Fragments)
	if err := errors.Join(err, wrong); err != nil {
		return kconfigs.Request{}, err
	}
	req, err := p.With(added...).Request()
	if err == nil && req.Prebuilt != nil {
		err = usage.Errorf("--profile %s: a prebuilt kernel has no request to explain", c.Profile)
	}
	return req, err
}

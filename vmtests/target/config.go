package target

import (
	"errors"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// Config names a kernel's config for commands that build nothing: that of a profile, or a
// .config, with fragments on top.
type Config struct {
	Profile, File string
	Fragments     []string
	// Override lets the fragments win over the profile.
	Override bool
}

// Given reports whether a config is named.
func (c Config) Given() bool { return c.Profile != "" || c.File != "" }

// Request returns the request for the kernel, empty if none is named. A .config is taken as it
// is: nothing is built, so it need not have what the guest needs.
func (c Config) Request() (kconfigs.Request, error) {
	switch {
	case c.Profile != "" && c.File != "":
		return kconfigs.Request{}, usage.Errorf("--profile and --config exclude each other")
	case !c.Given() && len(c.Fragments) > 0:
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
	p.Override = c.Override
	wrong := []error{err}
	for _, path := range c.Fragments {
		frag, err := kconfigs.ReadFragment(path)
		p, wrong = p.With(frag), append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return kconfigs.Request{}, err
	}
	req, err := p.Request()
	if err == nil && req.Prebuilt != nil {
		err = usage.Errorf("--profile %s: a prebuilt kernel has no request to explain", c.Profile)
	}
	return req, err
}

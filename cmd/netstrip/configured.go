package main

import (
	"errors"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/spf13/cobra"
)

// configured names a kernel's config, for commands that build nothing: that of a profile or
// a .config, with fragments on top.
type configured struct {
	profile, config string
}

func (n *configured) add(c *cobra.Command, f *flags) {
	c.Flags().StringVar(&n.profile, "profile", "", "`PROFILE` whose config to use")
	c.Flags().StringVar(&n.config, "config", "", "`FILE` that is a whole .config, instead of a profile")
	c.Flags().StringArrayVar(&f.fragments, "fragment", nil, "`FILE` of Kconfig lines to add to that config; repeatable")
	f.addOverride(c)
	_ = c.RegisterFlagCompletionFunc("profile", completeProfiles)
}

func (n *configured) given() bool { return n.profile != "" || n.config != "" }

// request returns what is asked of the kernel; it is empty where none is named. A .config is
// taken as it is: nothing is built, so that it need not have what the guest does.
func (n *configured) request(f *flags) (kconfigs.Request, error) {
	switch {
	case n.profile != "" && n.config != "":
		return kconfigs.Request{}, usagef("--profile and --config exclude each other")
	case !n.given() && len(f.fragments) > 0:
		return kconfigs.Request{}, usagef("--fragment adds to a kernel's config: name one with --profile or --config")
	case !n.given():
		return kconfigs.Request{}, nil
	}
	var p kconfigs.Profile
	var err error
	if n.config != "" {
		p, err = kconfigs.ReadConfig(n.config)
		p.Name, p.Fragments = n.config, nil
	} else {
		p, err = kconfigs.Lookup(n.profile)
	}
	p.Override = f.override
	wrong := []error{err}
	for _, path := range f.fragments {
		frag, err := kconfigs.ReadFragment(path)
		p, wrong = p.With(frag), append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return kconfigs.Request{}, err
	}
	req, err := p.Request()
	if err == nil && req.Prebuilt != nil {
		err = usagef("--profile %s: a prebuilt kernel has no request to explain", n.profile)
	}
	return req, err
}

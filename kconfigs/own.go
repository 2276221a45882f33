package kconfigs

import "slices"

// Own returns the profile of a user's .config as its file has it, without what the guest
// needs. Nothing here can boot what is built of it. Any other profile it returns unchanged.
func (p Profile) Own() Profile {
	if p.Start.Text != "" {
		p.Fragments = slices.DeleteFunc(slices.Clone(p.Fragments), func(name string) bool { return name == guest })
	}
	return p
}

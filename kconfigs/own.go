package kconfigs

import "slices"

// Own returns the profile of a user's .config without the additions for the guest, exactly as in
// the file. Its kernel cannot be booted here. Own returns any other profile unchanged.
func (p Profile) Own() Profile {
	if p.Start.Text != "" {
		p.Fragments = slices.DeleteFunc(slices.Clone(p.Fragments), func(name string) bool { return name == guest })
	}
	return p
}

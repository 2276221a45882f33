package vmtests

import (
	"errors"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/ref"
)

// subject is what one boot is of: a profile's kernel, and the init that it starts.
type subject struct {
	kconfigs.Profile
	init   initramfs.Init
	kernel *kbuild.Kernel // once it is built
}

// name is the profile's, and after a slash that of an init that is asked about.
func (s subject) name() string {
	return ref.Ref{Base: s.Name, Init: s.init.Name}.String()
}

// lookupInits returns the inits of these names, each of which must be known.
func lookupInits(names []string) ([]initramfs.Init, error) {
	var inits []initramfs.Init
	var bad []error
	for _, n := range names {
		i, err := initramfs.LookupInit(n)
		inits, bad = append(inits, i), append(bad, err)
	}
	return inits, errors.Join(bad...)
}

// subjects returns what a run of profiles boots: each into each of the rig's inits.
// Kernels are those of the profiles, or none yet.
func (r *Rig) subjects(profiles []kconfigs.Profile, kernels []*kbuild.Kernel) []subject {
	inits := r.inits
	if len(inits) == 0 {
		inits = []initramfs.Init{{}}
	}
	var all []subject
	for n, p := range profiles {
		for _, i := range inits {
			s := subject{Profile: p, init: i}
			if kernels != nil {
				s.kernel = kernels[n]
			}
			all = append(all, s)
		}
	}
	return all
}

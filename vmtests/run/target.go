package run

import (
	"errors"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/ref"
)

// target is what one boot is of: a profile's kernel, and the init that it starts.
type target struct {
	kconfigs.Profile
	init   initramfs.Init
	kernel *kbuild.Kernel // once it is built
}

// name is the profile's, and after a slash that of an init that is asked about.
func (s target) name() string {
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

// targets returns what a run of profiles boots: each into each of the runner's inits.
// Kernels are those of the profiles, or none yet.
func (r *Runner) targets(profiles []kconfigs.Profile, kernels []*kbuild.Kernel) []target {
	inits := r.inits
	if len(inits) == 0 {
		inits = []initramfs.Init{{}}
	}
	var all []target
	for n, p := range profiles {
		for _, i := range inits {
			s := target{Profile: p, init: i}
			if kernels != nil {
				s.kernel = kernels[n]
			}
			all = append(all, s)
		}
	}
	return all
}

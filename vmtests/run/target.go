package run

import (
	"errors"
	"strings"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/ref"
)

// target is what one boot starts: a profile's kernel and its init.
type target struct {
	kconfigs.Profile
	init   initramfs.Init
	kernel *kbuild.Kernel // once it is built
	tools  bool           // with a shell in the initramfs
}

// name returns the profile's name, followed by a slash and the init if one is under test.
func (s target) name() string {
	return ref.Ref{Base: s.Name, Init: s.init.Name}.String()
}

// lookupInits looks up inits by name, or by the path of a user's program for an architecture; its
// error lists those that do not exist.
func lookupInits(names []string, a arch.Arch) ([]initramfs.Init, error) {
	var inits []initramfs.Init
	var bad []error
	for _, n := range names {
		look := initramfs.LookupInit
		if strings.Contains(n, "/") {
			look = func(path string) (initramfs.Init, error) { return initramfs.UserInit(path, a) }
		}
		i, err := look(n)
		inits, bad = append(inits, i), append(bad, err)
	}
	return inits, errors.Join(bad...)
}

// targets returns the targets of a run: each profile with each of the runner's inits. kernels are
// those of the profiles, nil before they are built.
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

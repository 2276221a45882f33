package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/expect"
)

// Selection is what to plan.
type Selection struct {
	// Names are kernels and boots of them: full, full@6.1, full+apps, full/busybox@arm64. None means
	// the profiles of Profiles without names.
	Names []string
	// All stands for everything that has expectations.
	All bool
	// Inits are additional inits for each kernel without applications that names none.
	Inits []string
	// Series and Archs, with commas between them, are the variants of each name that names none;
	// empty means the usual.
	Series, Archs string
}

// variant is a series and an architecture, with or without applications: what one runner boots.
type variant struct {
	series, arch string
	apps         bool
}

// wanted is what is to be booted of a variant; no names mean the ladder.
type wanted struct {
	variant
	names []ref.Ref
}

// variants sorts the names by variant, in the order in which they first appear. named is set if the
// source was named, which need not be of the usual series.
func (s Selection) variants(named bool) ([]wanted, error) {
	if s.All && (len(s.Names)+len(s.Inits) > 0 || s.Series+s.Archs != "") {
		return nil, usage.Errorf("--all stands for all kernels, series, architectures and inits: name none")
	}
	refs := []ref.Ref{{}}
	if s.All {
		var err error
		if refs, err = expect.Kernels(); err != nil {
			return nil, err
		}
	} else if len(s.Names) > 0 {
		refs = nil
		for _, name := range s.Names {
			refs = append(refs, ref.Parse(name))
		}
	}
	usual := source.Usual()
	if named {
		usual = ""
	}
	var all []wanted
	for _, series := range strings.Split(cmp.Or(s.Series, usual), ",") {
		for _, name := range strings.Split(s.Archs, ",") {
			for _, r := range refs {
				of, err := arch.Parse(cmp.Or(r.Arch, name))
				if s.All && r.Arch == "" {
					of, err = arch.All()[0], nil
				}
				if err != nil {
					return nil, usage.Error{Err: err}
				}
				v := variant{cmp.Or(r.Series, series), of.Name, r.Apps}
				i := slices.IndexFunc(all, func(w wanted) bool { return w.variant == v })
				if i < 0 {
					i, all = len(all), append(all, wanted{variant: v})
				}
				r.Series, r.Arch = "", ""
				if r.Base != "" && !slices.ContainsFunc(all[i].names, func(n ref.Ref) bool { return n.String() == r.String() }) {
					all[i].names = append(all[i].names, r)
				}
			}
		}
	}
	return all, nil
}

func atLeast(names []string, one string) []string {
	if len(names) == 0 {
		return []string{one}
	}
	return names
}

package target

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// maxUnmet is how many lines of a .config that Kconfig does not satisfy are noted one by one.
const maxUnmet = 20

// Notes reports how Kconfig reads the user's files in profiles, before anything is built from
// them. If strict, a .config with lines that Kconfig does not satisfy is an error.
func Notes(ctx context.Context, b *kbuild.Builder, profiles []kconfigs.Profile, strict bool) (notes []string, err error) {
	var mine []kconfigs.Request
	for _, p := range profiles {
		bare := p.Prebuilt != nil && p.Prebuilt.Image != "" && p.Prebuilt.Modules == ""
		if !bare && p.Start.Text == "" && len(p.Added()) == 0 {
			continue
		}
		req, err := p.Request()
		if err != nil {
			return notes, err
		}
		if !bare {
			mine = append(mine, req)
			continue
		}
		k, err := b.Build(ctx, req) // a copy of it
		if err != nil {
			return notes, err
		}
		if _, known, err := k.ReadConfig(); err != nil {
			return notes, err
		} else if !known {
			notes = append(notes, p.Prebuilt.Image+": its .config is unknown and --modules is missing: features that may be in modules are inconclusive")
		}
	}
	if mine == nil {
		return notes, nil
	}
	k, err := b.Kconf(ctx)
	if err != nil {
		return notes, err
	}
	defer k.Close()
	var wrong []error
	for _, req := range mine {
		more, err := reading(ctx, b, k, req, strict)
		notes, wrong = append(notes, more...), append(wrong, err)
		if _, changed := req.Over(req.Start.Text); len(changed) > 0 {
			notes = append(notes, fmt.Sprintf("%s: changed for the guest and the fragments: %s", req.Start.Name, strings.Join(changed, ", ")))
		}
	}
	return notes, errors.Join(wrong...)
}

// reading reports how Kconfig reads the files of a request.
func reading(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig, req kconfigs.Request, strict bool) ([]string, error) {
	r, err := b.Read(ctx, k, req)
	if err != nil {
		return nil, err
	}
	if strict && len(r.Unmet) > 0 {
		return r.Remarks, &kconfigs.RequestError{Problems: r.Unmet}
	}
	notes := r.Remarks
	for i, p := range r.Unmet {
		if i == maxUnmet {
			notes = append(notes, fmt.Sprintf("%s: %d more lines are not satisfied; --strict lists all %d and stops there", req.Start.Name, len(r.Unmet)-i, len(r.Unmet)))
			break
		}
		notes = append(notes, p.String())
	}
	return notes, nil
}

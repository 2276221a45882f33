package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/spf13/cobra"
)

// maxTold is how many lines of a user's .config that were not met are told one by one.
const maxTold = 20

func (f *flags) addStrict(c *cobra.Command) {
	c.Flags().BoolVar(&f.strict, "strict", false, "reject a .config with lines that Kconfig does not satisfy, and list them all")
}

func (f *flags) addOverride(c *cobra.Command) {
	c.Flags().BoolVar(&f.override, "override", false, "let fragments override the profile, except for what the guest needs")
}

// heed tells what becomes of the user's own files, before anything is built of them.
func (a *app) heed(ctx context.Context, f *flags, b *kbuild.Builder, profiles []kconfigs.Profile) error {
	var mine []kconfigs.Request
	for _, p := range profiles {
		if p.Prebuilt != nil && p.Prebuilt.Image != "" && p.Prebuilt.Modules == "" {
			if err := a.heedKernel(ctx, b, p); err != nil {
				return err
			}
			continue
		}
		if p.Start.Text == "" && len(p.Added()) == 0 {
			continue
		}
		req, err := p.Request()
		if err != nil {
			return err
		}
		mine = append(mine, req)
	}
	if mine == nil {
		return nil
	}
	k, err := b.Kconf(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	told := map[string]bool{}
	var wrong []error
	for _, req := range mine {
		notes, err := f.readings(ctx, b, k, req)
		wrong = append(wrong, err)
		if _, changed := req.Over(req.Start.Text); len(changed) > 0 {
			notes = append(notes, fmt.Sprintf("%s: changed for the guest and the fragments: %s", req.Start.Name, strings.Join(changed, ", ")))
		}
		a.note(notes, told)
	}
	return errors.Join(wrong...)
}

// heedKernel tells of a kernel in a file whose .config nobody knows what that comes to.
func (a *app) heedKernel(ctx context.Context, b *kbuild.Builder, p kconfigs.Profile) error {
	req, err := p.Request()
	if err != nil {
		return err
	}
	k, err := b.Build(ctx, req) // a copy of it
	if err != nil {
		return err
	}
	_, known, err := k.ReadConfig()
	if err == nil && !known {
		a.note([]string{fmt.Sprintf("%s: its .config is unknown and --modules is missing: features in modules are reported as absent", p.Prebuilt.Image)}, map[string]bool{})
	}
	return err
}

// note writes notes, each once.
func (a *app) note(notes []string, told map[string]bool) {
	a.progress.Clear()
	for _, n := range notes {
		if !told[n] {
			told[n] = true
			fmt.Fprintf(a.stderr, "netstrip: note: %s\n", report.Escape(n, 2000))
		}
	}
}

// heed tells the same of one of the two.
func (s *side) heed(ctx context.Context, f *flags, b *kbuild.Builder, k *kconf.Kconfig) ([]string, error) {
	if s.req == nil || s.req.Start.Text == "" && len(s.profile.Added()) == 0 {
		return nil, nil
	}
	return f.readings(ctx, b, k, *s.req)
}

// readings says what became of the files that a request was made of. With --strict it is
// an error that lines of a .config are not met.
func (f *flags) readings(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig, req kconfigs.Request) ([]string, error) {
	r, err := b.Read(ctx, k, req)
	if err != nil {
		return nil, err
	}
	if f.strict && len(r.Unmet) > 0 {
		return r.Remarks, &kconfigs.RequestError{Problems: r.Unmet}
	}
	notes := r.Remarks
	for i, p := range r.Unmet {
		if i == maxTold {
			notes = append(notes, fmt.Sprintf("%s: %d more lines are not satisfied; --strict lists all %d and stops there", req.Start.Name, len(r.Unmet)-i, len(r.Unmet)))
			break
		}
		notes = append(notes, p.String())
	}
	return notes, nil
}

package main

import (
	"context"
	"fmt"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/vmtests/compare"
	"github.com/netstrip/netstrip/vmtests/run"
)

// bootSides boots both in turn, as often as was asked for, and takes up the records.
func (a *app) bootSides(ctx context.Context, f *comparing, s *sides) error {
	if s.noSource != nil {
		return s.noSource
	}
	o, err := a.runOptions(&s.flags)
	if err != nil {
		return err
	}
	o.InTurn = true
	runner, err := run.New(ctx, o)
	if err != nil {
		return err
	}
	var profiles []kconfigs.Profile
	var kernels []*kbuild.Kernel
	for _, one := range s.both {
		if one.req != nil && one.Kernel == nil {
			built, err := runner.Build(ctx, []kconfigs.Profile{one.profile})
			if err != nil {
				return err
			}
			one.Kernel = built[0]
		}
		if one.Kernel.Boot == "" {
			return usagef("the kernel of %s is no longer in the cache and cannot be booted", one.Name)
		}
		profiles, kernels = append(profiles, one.profile), append(kernels, one.Kernel)
	}
	for len(kernels) < 2*f.boots {
		profiles, kernels = append(profiles, profiles[:2]...), append(kernels, kernels[:2]...)
	}
	records, err := runner.Boot(ctx, profiles, kernels)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Outcome.RigFault() {
			return fmt.Errorf("booting %s: %s: %s", r.Profile, r.Outcome, r.Reason)
		}
	}
	if err := a.loadInto(s, f.results); err != nil {
		return err
	}
	for _, one := range s.both {
		if err := one.match(s); err != nil {
			return err
		}
	}
	return nil
}

// hint says what is not known for lack of boots, and how to get it.
func (s *sides) hint(f *comparing, c *compare.Comparison) {
	const enough = 10
	bootable := s.noSource == nil
	for _, one := range s.both {
		if len(one.Boots) == 0 {
			one.note("no boot of %s is recorded in %s", one.Name, f.results)
		}
		bootable = bootable && (one.req != nil || one.Kernel.Boot != "")
	}
	if c.Least() < enough && bootable {
		c.Notes = append(c.Notes, fmt.Sprintf("netstrip compare %s %s --boots %d%s%s boots them alternately",
			process.Quote(s.both[0].Name), process.Quote(s.both[1].Name), enough, f.where(), f.sourceFlags()))
	}
}

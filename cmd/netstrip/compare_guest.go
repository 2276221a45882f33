package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// settleOwn finds out what every symbol comes to in a .config as its file has it, where that
// is not what is booted.
func (s *side) settleOwn(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig) error {
	s.own = s.world
	if s.req == nil || s.req.Start.Text == "" {
		return nil
	}
	req, err := s.profile.Own().Request()
	if err != nil {
		return err
	}
	if s.own, err = b.World(ctx, k, req); err != nil {
		return err
	}
	if changed := s.changed(); changed != "" {
		s.note("%s is built and booted with these changes for the guest: %s", s.Name, changed)
	}
	return nil
}

// changed lists what the guest needs otherwise than the file has it.
func (s *side) changed() string {
	var all []string
	for _, c := range configdiff.Of(s.own, s.world).Changes {
		if _, needed := slices.BinarySearch(kconfigs.Protected(), c.Symbol); needed {
			all = append(all, fmt.Sprintf("%s=%s (was %s)", c.Symbol, c.To, c.From))
		}
	}
	return strings.Join(all, ", ")
}

// guest says how two sides differ otherwise when they are booted than in their files.
func guest(a, b *side) *configdiff.Guest {
	return configdiff.Of(a.own, b.own).Guest(a.world, b.world)
}

// alike is the error of two ends between which there is nothing to search.
func alike(a, b *side, first, last string) error {
	g := guest(a, b)
	if g == nil {
		return usagef("%s and %s have the same .config: there is nothing to search", first, last)
	}
	return usagef("%s and %s differ only in what boots here cannot show: %s; --command takes the .configs as they are", first, last, g.Names())
}

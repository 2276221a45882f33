package target

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// settleOwn sets Own: the value of every symbol in a user's .config before it is changed for the
// guest.
func (s *Target) settleOwn(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig) error {
	s.Own = s.World
	if s.Request.Start.Text == "" {
		return nil
	}
	req, err := s.Profile.Own().Request()
	if err != nil {
		return err
	}
	if s.Own, err = b.ConfigState(ctx, k, req); err != nil {
		return err
	}
	if changed := s.changed(); changed != "" {
		s.note("%s is built and booted with these changes for the guest: %s", s.Name, changed)
	}
	return nil
}

// changed lists the symbols that are changed because the guest needs other values.
func (s *Target) changed() string {
	var all []string
	protected := s.World.Protected()
	for _, c := range configdiff.Of(s.Own, s.World).Changes {
		if _, needed := slices.BinarySearch(protected, c.Symbol); needed {
			all = append(all, fmt.Sprintf("%s=%s (was %s)", c.Symbol, c.To, c.From))
		}
	}
	return strings.Join(all, ", ")
}

// Guest returns where the differences between two kernels as booted are not those between their
// files; nil if they are the same.
func Guest(a, b *Target) *configdiff.Guest {
	return configdiff.Of(a.Own, b.Own).Guest(a.World, b.World)
}

// Alike returns the error for two kernels whose booted .configs do not differ. First and last are
// the user's names for them.
func Alike(a, b *Target, first, last string) error {
	g := Guest(a, b)
	if g == nil {
		return usage.Errorf("%s and %s have the same .config: there is nothing to search", first, last)
	}
	return usage.Errorf("%s and %s differ only in what boots here cannot show: %s; --command takes the .configs as they are", first, last, g.Names())
}

// ObjectTree returns the start whose object tree suits the kernels between these best.
func ObjectTree(sides ...*Target) string {
	for _, s := range sides {
		if s.Request != nil && s.Request.Start.Text == "" {
			return cmp.Or(s.Request.Start.ObjectTree, s.Request.Start.Name, string(kconf.AllNo))
		}
	}
	return ""
}

package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// settle computes the value of every symbol, sets World and Own, and reports how Kconfig reads the
// kernel's files.
func (s *Target) settle(ctx context.Context, from *Finder) (notes []string, err error) {
	b, k := from.Builder, from.Kconfig
	if s.Request == nil {
		return nil, s.settleBuilt(ctx, b, k)
	}
	if s.World, err = b.ConfigState(ctx, k, *s.Request); err != nil {
		return nil, err
	}
	if err := s.settleOwn(ctx, b, k); err != nil || s.Request.Start.Text == "" && len(s.Profile.Added()) == 0 {
		return nil, err
	}
	return reading(ctx, b, k, *s.Request, from.Strict)
}

// settleBuilt settles a kernel that is known only by its .config.
func (s *Target) settleBuilt(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig) error {
	if s.Kernel.Config == "" {
		return usage.Errorf("the kernel %s is no longer in the cache: its .config is unknown", s.Name)
	}
	data, err := file.Read(s.Kernel.Config, 16<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return usage.Errorf("the kernel %s came without a .config: there is nothing to compare", s.Name)
	}
	if err != nil {
		return fmt.Errorf("reading the .config of %s: %w", s.Name, err)
	}
	tree, err := b.Symbols(k)
	if err != nil {
		return err
	}
	values, err := k.Values(ctx, kconf.OldDef, data)
	if err != nil {
		return fmt.Errorf("reading the .config of %s: %w", s.Name, err)
	}
	s.World = explain.NewConfigState(tree, values, kconfigs.Request{})
	s.Own = s.World
	return s.compareSource(ctx, k, data)
}

// compareSource notes how many symbols of the kernel's .config differ in the current source. A
// source of another series is an error, since its symbols are not comparable.
func (s *Target) compareSource(ctx context.Context, k *kconf.Kconfig, data []byte) error {
	text, err := k.Settle(ctx, kconf.OldDef, data)
	if err != nil {
		return fmt.Errorf("reading the .config of %s: %w", s.Name, err)
	}
	m := regexp.MustCompile(`(?m)^# Linux/\S+ ((\d+\.\d+)\S*)`).FindSubmatch(text)
	if m != nil && !strings.HasPrefix(s.Kernel.Version+".", string(m[2])+".") {
		return usage.Errorf("the kernel %s is Linux %s, but the current source is %s: name its own with --series or --source", s.Name, s.Kernel.Version, m[1])
	}
	had, err := kconfigs.ParseFragment("the .config of "+s.Name, data)
	if err != nil {
		return err
	}
	has, err := kconfigs.ParseConfig(text)
	if err != nil {
		return err
	}
	unmet := kconfigs.Request{Settings: had.Settings}.Verify(has)
	if e, ok := errors.AsType[*kconfigs.RequestError](unmet); ok {
		s.note("%s (%s) is read with the Kconfig files of the current source, in which %d of its symbols differ or are missing",
			s.Name, s.Kernel.Version, len(e.Problems))
	}
	return nil
}

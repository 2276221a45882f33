package main

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
)

// settle finds out what every symbol of the kernel comes to.
func (s *side) settle(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig) (err error) {
	if s.req != nil {
		if s.world, err = b.World(ctx, k, *s.req); err != nil {
			return err
		}
		return s.settleOwn(ctx, b, k)
	}
	if s.Kernel.Config == "" {
		return usagef("the kernel %s is no longer in the cache: its .config is unknown", s.Name)
	}
	data, err := file.Read(s.Kernel.Config, 16<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("the kernel %s came without a .config: there is nothing to compare", s.Name)
	}
	if err != nil {
		return fmt.Errorf("reading the .config of %s: %w", s.Name, err)
	}
	symbols, err := k.Symbols()
	if err != nil {
		return err
	}
	values, err := k.Values(ctx, kconf.OldDef, data)
	if err != nil {
		return fmt.Errorf("reading the .config of %s: %w", s.Name, err)
	}
	s.world = explain.NewWorld(explain.NewTree(symbols), values, kconfigs.Request{})
	s.own = s.world
	return s.compareSource(ctx, k, data)
}

// compareSource notes how far the source has the kernel's .config otherwise. One of
// another series has other symbols, and there is nothing to compare.
func (s *side) compareSource(ctx context.Context, k *kconf.Kconfig, data []byte) error {
	text, err := k.Settle(ctx, kconf.OldDef, data)
	if err != nil {
		return fmt.Errorf("reading the .config of %s: %w", s.Name, err)
	}
	m := regexp.MustCompile(`(?m)^# Linux/\S+ ((\d+\.\d+)\S*)`).FindSubmatch(text)
	if m != nil && !strings.HasPrefix(s.Kernel.Version+".", string(m[2])+".") {
		return usagef("the kernel %s is Linux %s, but the current source is %s: name its own with --series or --source", s.Name, s.Kernel.Version, m[1])
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

package kbuild

import (
	"context"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// strange is how many symbols of a .config the default architecture must lack before others are
// considered: old and misspelled names are unknown everywhere.
const strange = 3

// ArchOf returns the name of the architecture that a user's .config is for, by the symbols that it
// switches on: a defconfig has neither a header nor the symbol of its architecture. It returns an
// empty name for the default architecture, unless another lacks at most half as many of the
// symbols. Each architecture's Kconfig files are read, which takes seconds the first time.
func ArchOf(ctx context.Context, dir string, o source.Options, p kconfigs.Profile) (string, error) {
	on := switchedOn(p.Start.Text)
	usual := arch.Default()
	unknown, err := unknownOn(ctx, dir, o, usual, on)
	if err != nil || unknown < strange {
		return "", err
	}
	best, least := "", unknown/2
	for _, a := range arch.All() {
		if n, err := unknownOn(ctx, dir, o, a, on); err == nil && n <= least && a.Name != usual.Name {
			best, least = a.Name, n
		}
	}
	return best, ctx.Err()
}

// switchedOn returns the symbols that are y or m in the text of a .config.
func switchedOn(text string) (names []string) {
	f, err := kconfigs.ParseFragment("", []byte(text))
	if err != nil {
		return nil
	}
	for _, s := range f.Settings {
		if s.Value == "y" || s.Value == "m" {
			names = append(names, s.Symbol)
		}
	}
	return names
}

// unknownOn returns how many of the names an architecture's Kconfig files do not define.
func unknownOn(ctx context.Context, dir string, o source.Options, a arch.Arch, on []string) (int, error) {
	o.Arch = a.Name
	b, err := Open(ctx, dir, o)
	if err != nil {
		return 0, err
	}
	k, err := b.Kconf(ctx)
	if err != nil {
		return 0, err
	}
	defer k.Close()
	symbols, err := k.Symbols()
	if err != nil {
		return 0, err
	}
	known, unknown := names(symbols), 0
	for _, name := range on {
		if !known[name] {
			unknown++
		}
	}
	return unknown, nil
}

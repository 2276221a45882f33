package target

import (
	"cmp"
	"context"
	"os"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Open returns the builder for a kernel series and architecture, and the flags that name the same
// source to another command. An empty name means any. Only if they are named must the source be of
// that series; a record may be compared with another source.
type Open func(series, arch string, named bool) (*kbuild.Builder, string, error)

// Pair finds two kernels and opens their builders, one for both if possible. Their series and
// architectures are those of their records, or in their names: full@6.1-arm64.
func (s *Finder) Pair(ctx context.Context, open Open, names ...string) (p Pair, err error) {
	if err := s.Load(); err != nil {
		return p, err
	}
	var named [2][]record.Record
	var of [2]ref.Ref
	for i, name := range names {
		if named[i], err = s.Named(name); err != nil {
			return p, err
		}
		if _, of[i].Series, of[i].Arch = variant(name); len(named[i]) > 0 {
			of[i].Series, of[i].Arch = named[i][0].Series, cmp.Or(named[i][0].Arch, arch.All()[0].Name)
		}
	}
	for i, name := range names {
		if file := foreign(name); file != "" && of[i].Arch == "" {
			of[i].Arch = file
			if other := 1 - i; len(named[other]) == 0 && of[other].Arch == "" {
				of[other].Arch = file
			}
		}
	}
	for i, name := range names {
		from := s
		if i == 1 && of[0].Series == of[1].Series && of[0].Arch == of[1].Arch {
			from = p[0].from
		} else if from, err = s.side(open, of[i], len(named[i]) == 0); err != nil {
			return p, err
		}
		if i == 1 && from.shares(p[0].from) {
			from = p[0].from
		}
		if p[i], err = from.Find(ctx, name, named[i]); err != nil {
			return p, err
		}
	}
	s.Builder, s.NoSource, s.Flags = p[0].from.Builder, p[0].from.NoSource, p[0].from.Flags
	if s.NoSource == nil {
		s.NoSource = p[1].from.NoSource
	}
	return p, nil
}

// side returns a Finder for kernels of one series and architecture.
func (s *Finder) side(open Open, of ref.Ref, named bool) (*Finder, error) {
	one := *s
	one.sides = nil
	if one.Builder, one.Flags, one.NoSource = open(of.Series, of.Arch, named); one.Builder == nil {
		return nil, one.NoSource
	}
	s.sides = append(s.sides, &one)
	return &one, nil
}

// shares reports whether kernels of both Finders have the same Kconfig files.
func (s *Finder) shares(with *Finder) bool {
	return s.NoSource == nil && with.NoSource == nil && s.Builder.Source.ID == with.Builder.Source.ID && s.Builder.Arch.Name == with.Builder.Arch.Name
}

// variant splits the name of a profile or file from a series and an architecture after it. Names of
// records are not split.
func variant(name string) (kernel, series, arch string) {
	r := ref.Parse(name)
	series, arch = r.Series, r.Arch
	r.Series, r.Arch = "", ""
	if base, _ := splitFragments(r.String()); known(name) || !known(base) {
		return name, "", ""
	}
	return r.String(), series, arch
}

// foreign returns the architecture that a .config is for, if that is not the default.
func foreign(name string) string {
	kernel, _, _ := variant(name)
	file, _ := splitFragments(kernel)
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || isKernel(file) {
		return "" // a pipe can be read only once
	}
	p, err := kconfigs.ReadConfig(file)
	if err != nil || p.Arch == arch.Default().Name {
		return ""
	}
	return p.Arch
}

// across compares .configs of different Kconfig files.
func (p Pair) across(ctx context.Context) (*configdiff.Crossing, error) {
	for _, one := range p {
		if one.from.NoSource != nil {
			return nil, one.from.NoSource
		}
		if err := one.from.open(ctx); err != nil {
			return nil, err
		}
		notes, err := one.settle(ctx, one.from)
		if err != nil {
			return nil, err
		}
		one.Notes = append(one.Notes, notes...)
	}
	return configdiff.Across(p[0].Own, p[1].Own), nil
}

// apart reports whether the Kconfig files of the kernels differ.
func (p Pair) apart() bool { return p[0].from != p[1].from }

// runs returns the commands that boot each of the kernels.
func (p Pair) runs() string {
	var all []string
	for _, one := range p {
		kernel, _, _ := variant(one.Name)
		all = append(all, "netstrip run "+process.Quote(kernel)+one.from.Flags)
	}
	return strings.Join(all, " and ")
}

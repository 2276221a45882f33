package target

import (
	"context"
	"fmt"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/compare"
	"github.com/netstrip/netstrip/vmtests/record"
)

// enough boots of each kernel make a comparison of times meaningful.
const enough = 10

// Pair is two kernels to compare, as a Finder found them.
type Pair [2]*Target

// CompareOptions say how to compare two kernels.
type CompareOptions struct {
	// Config compares only the .configs and the sizes.
	Config bool
	// Boots is how many boots of each there must be; Runner returns what makes those missing.
	Boots  int
	Runner func() (Booter, error)
	// Flags are those of a command with the same results and source.
	Flags string
	// Tell is called before each .config that is tried.
	Tell func(tried int)
}

// Compare compares two kernels in all that is known of both. Without Config and Strict, .configs
// that cannot be compared are only noted.
func (s *Finder) Compare(ctx context.Context, p Pair, o CompareOptions) (*compare.Comparison, error) {
	if o.Config {
		p[0].Records, p[1].Records = nil, nil
	}
	c := compare.Between(p[0].Side, p[1].Side)
	if c.Least() < o.Boots && p.apart() {
		return nil, usage.Errorf("--boots needs two kernels of one series and architecture; boot these with %s", p.runs())
	}
	if c.Least() < o.Boots {
		if s.NoSource != nil {
			return nil, s.NoSource
		}
		with, err := o.Runner()
		if err != nil {
			return nil, err
		}
		if err := s.boot(ctx, with, p, o.Boots); err != nil {
			return nil, err
		}
		c = compare.Between(p[0].Side, p[1].Side)
	}
	var err error
	if p.apart() {
		c.Across, err = p.across(ctx)
	} else {
		c.Symbols, err = s.symbols(ctx, p, o.Tell)
	}
	if err != nil {
		if o.Config || s.Strict || ctx.Err() != nil {
			return nil, err
		}
		p[0].note("the .configs cannot be compared: %v", err)
	}
	if !o.Config {
		s.hint(p, c, o.Flags)
	}
	return c, nil
}

// symbols compares the .configs. It calls tell before each .config that it tries.
func (s *Finder) symbols(ctx context.Context, p Pair, tell func(tried int)) (*configdiff.Division, error) {
	if s.NoSource != nil {
		return nil, s.NoSource
	}
	s = p[0].from
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	for _, one := range p {
		notes, err := one.settle(ctx, s)
		if err != nil {
			return nil, err
		}
		one.Notes = append(one.Notes, notes...)
	}
	tried := 0
	d, err := configdiff.Between(ctx, p[0].Own, p[1].Own, func(ctx context.Context, text []byte) (map[string]kconf.Value, error) {
		tried++
		tell(tried)
		return s.Kconfig.Values(ctx, kconf.OldDef, text)
	})
	if err != nil {
		return nil, err
	}
	v := d.Divide()
	v.Guest = d.Guest(p[0].World, p[1].World)
	return v, nil
}

// Booter builds and boots kernels.
type Booter interface {
	Build(context.Context, []kconfigs.Profile) ([]*kbuild.Kernel, error)
	Boot(context.Context, []kconfigs.Profile, []*kbuild.Kernel) ([]record.Record, error)
}

// boot boots the two kernels alternately, each this many times, and adds the records to them.
func (s *Finder) boot(ctx context.Context, with Booter, p Pair, times int) error {
	var profiles []kconfigs.Profile
	var kernels []*kbuild.Kernel
	for _, one := range p {
		if one.Request != nil && one.Kernel == nil {
			built, err := with.Build(ctx, []kconfigs.Profile{one.Profile})
			if err != nil {
				return err
			}
			one.Kernel = built[0]
		}
		if one.Kernel.Boot == "" {
			return usage.Errorf("the kernel of %s is no longer in the cache and cannot be booted", one.Name)
		}
		profiles, kernels = append(profiles, one.Profile), append(kernels, one.Kernel)
	}
	for len(kernels) < 2*times {
		profiles, kernels = append(profiles, profiles[:2]...), append(kernels, kernels[:2]...)
	}
	records, err := with.Boot(ctx, profiles, kernels)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Outcome.RigFault() {
			return fmt.Errorf("booting %s: %s: %s", r.Profile, r.Outcome, r.Reason)
		}
	}
	if err := s.Load(); err != nil {
		return err
	}
	for _, one := range p {
		if err := one.match(s); err != nil {
			return err
		}
	}
	return nil
}

// hint notes what is unknown without more boots, and the command that makes them; flags select the
// same results and source.
func (s *Finder) hint(p Pair, c *compare.Comparison, flags string) {
	bootable := s.NoSource == nil
	for _, one := range p {
		if len(one.Boots) == 0 {
			one.note("no boot of %s is recorded in %s", one.Name, s.Results.Path)
		}
		bootable = bootable && (one.Request != nil || one.Kernel.Boot != "")
	}
	switch {
	case c.Least() >= enough || !bootable:
	case p.apart():
		c.Notes = append(c.Notes, "to boot them: "+p.runs())
	default:
		c.Notes = append(c.Notes, fmt.Sprintf("netstrip compare %s --boots %d%s boots them alternately",
			process.Quote(p[0].Name, p[1].Name), enough, flags))
	}
}

// Ends finds and settles the kernels at the ends of a search. A name may be the ID of a record.
func (s *Finder) Ends(ctx context.Context, names ...string) (ends []*Target, err error) {
	for _, name := range names {
		one, err := s.Find(ctx, s.key(name), nil)
		if err != nil {
			return nil, err
		}
		one.Name = name
		ends = append(ends, one)
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	var notes []string
	defer func() { s.Note(notes) }()
	for _, one := range ends {
		more, err := one.settle(ctx, s)
		if notes = append(notes, more...); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// open starts Kconfig, which Close ends.
func (s *Finder) open(ctx context.Context) (err error) {
	s.Kconfig, err = s.Builder.Kconf(ctx)
	return err
}

// key returns the key of the kernel of a record, if name is the ID of one.
func (s *Finder) key(name string) string {
	if known(name) {
		return name
	}
	file, err := record.Store{Path: s.Results.Path}.Open()
	if err != nil { // then it is not the name of a record
		return name
	}
	defer file.Close()
	if found := record.Find(file.Records, name); len(found) == 1 {
		return found[0].Kernel.Key
	}
	return name
}

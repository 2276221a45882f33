package shell

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/results"
	"github.com/netstrip/netstrip/vmtests/run"
)

// Options say what to boot.
type Options struct {
	Run run.Options
	// Profile is the kernel to boot, unless Last is set.
	Profile kconfigs.Profile
	// App is the name of an application to start first, NAME or NAME/WAY.
	App string
	// Last boots the kernel, the init and the memory of the last failed boot in Results.
	Last    bool
	Results results.Results
}

// Names returns the profiles that are named; full if none is, and there are no files either. With
// an application, full means full+apps.
func (o Options) Names(names []string, files int) []string {
	if len(names)+files == 0 {
		names = []string{"full"}
	}
	names = slices.Clone(names)
	for i, name := range names {
		r := ref.Parse(name)
		r.Apps = r.Apps || o.App != ""
		names[i] = r.String()
	}
	return names
}

// Prepare returns the shell, whose kernel is not yet built.
func (o Options) Prepare(ctx context.Context) (*Shell, error) {
	var last record.Record
	var err error
	if o.Last {
		if last, err = o.failed(); err != nil {
			return nil, err
		}
		o.again(last)
	}
	s := &Shell{Profile: o.Profile}
	if o.App != "" || last.Disk != nil {
		name, way, _ := strings.Cut(o.App, "/")
		if err := o.Run.UseApps(ctx, "", slices.DeleteFunc([]string{name}, func(n string) bool { return n == "" })...); err != nil {
			return nil, err
		}
		if s.App, err = o.way(name, way); err != nil {
			return nil, err
		}
	}
	o.Run.Probes = ""
	if err := run.Ready(o.Run.Source.Arch); err != nil {
		return nil, err
	}
	if s.Runner, err = run.New(ctx, o.Run); err != nil || !o.Last {
		return s, err
	}
	if s.Kernel, err = s.Runner.Builder().Find(last.Kernel.Key); err != nil {
		return nil, fmt.Errorf("finding the kernel of %s: %w", last.ID, err)
	}
	return s, s.compare(ctx, last)
}

// way returns the ID of an application's way, the first if none is named.
func (o Options) way(name, way string) (string, error) {
	var ways []string
	for _, a := range o.Run.Apps {
		id := strings.Split(a.ID, "/")
		switch {
		case len(id) != 3 || id[1] != name:
		case way == "" || way == id[2]:
			return a.ID, nil
		default:
			ways = append(ways, id[2])
		}
	}
	if name == "" {
		return "", nil
	}
	return "", usage.Errorf("application %s has no way %q; it has %s", name, way, strings.Join(ways, ", "))
}

// failed returns the last boot in the results that did not complete, and of which a kernel is to
// blame.
func (o Options) failed() (record.Record, error) {
	found, err := o.Results.Load(func(all []record.Record) []record.Record {
		all = slices.DeleteFunc(slices.Clone(all), func(r record.Record) bool {
			return r.Outcome == record.Completed || r.Outcome.RigFault()
		})
		slices.SortStableFunc(all, func(a, b record.Record) int { return a.Time.Compare(b.Time) })
		return all[max(0, len(all)-1):]
	})
	if err == nil && len(found) == 0 {
		err = usage.Errorf("no boot in %s has failed", o.Results.Path)
	}
	if err != nil {
		return record.Record{}, err
	}
	return found[0], nil
}

// again sets the options to those of a boot.
func (o *Options) again(last record.Record) {
	name := last.Ref()
	o.Run.Source.Series, o.Run.Source.Arch, o.Run.MemoryMiB = last.Series, last.Arch, last.Machine.MemoryMiB
	if last.Init != "" {
		o.Run.Inits = []string{last.Init}
	}
	o.Profile, _ = kconfigs.Lookup(name.Profile()) // a user's kernel has no arguments of its own
	o.Profile.Name = strings.TrimSuffix(last.Profile, "/"+last.Init)
}

// compare notes which boot the shell repeats, and whether it has the same initramfs.
func (s *Shell) compare(ctx context.Context, last record.Record) error {
	text := fmt.Sprintf("the kernel of %s: %s", last.ID, last.Outcome)
	if last.Reason != "" {
		text += ": " + report.Escape(last.Reason, 200)
	}
	s.Notes = append(s.Notes, text)
	key, err := s.Runner.VisitKey(ctx, s.Profile, s.Kernel)
	if err == nil && key != last.Initramfs.Key {
		s.Notes = append(s.Notes, "the initramfs is another than in that boot: netstrip, its list of probes or the init's packages have changed")
	}
	return err
}

// Profiles returns the profile to build, none if the kernel is known.
func (s *Shell) Profiles() []kconfigs.Profile {
	if s.Kernel != nil {
		return nil
	}
	return []kconfigs.Profile{s.Profile}
}

// Build builds the kernel if it is not in the cache.
func (s *Shell) Build(ctx context.Context) error {
	if s.Kernel != nil {
		return nil
	}
	kernels, err := s.Runner.Build(ctx, s.Profiles())
	if err == nil {
		s.Kernel = kernels[0]
	}
	return err
}

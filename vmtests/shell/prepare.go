package shell

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/results"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/target"
)

// Options say what to boot.
type Options struct {
	Run run.Options
	// Kernels are the user's files, Strict is that of target.Notes, and Note is called with what it
	// returns, and with what else a person should know before the boot.
	Kernels target.Kernels
	Strict  bool
	Note    func([]string)
	// App is the name of an application to start first, NAME or NAME/WAY.
	App string
	// Last boots the last failed boot in Results again: its kernel, arguments, memory and initramfs,
	// but with u-root's init, since the shell must start.
	Last    bool
	Results results.Results
}

// Prepare builds the kernel that is named, full if none is, and returns its shell. With an
// application, full means full+apps.
func (o Options) Prepare(ctx context.Context, names ...string) (*Shell, error) {
	if n := len(names) + len(o.Kernels.Configs) + len(o.Kernels.Images); n > 1 || n == 1 && o.Last {
		return nil, usage.Errorf("shell takes one kernel: a profile, --config, --kernel or --last")
	} else if n == 0 {
		names = []string{"full"}
	}
	if o.Last {
		return o.last(ctx)
	}
	for i, name := range names {
		r := ref.Parse(name)
		r.Apps = r.Apps || o.App != ""
		names[i] = r.String()
	}
	profiles, of, err := o.Kernels.For(ctx, o.Run.Cache, o.Run.Source, names...)
	if err != nil {
		return nil, err
	}
	o.Run.Source.Arch = of
	s := &Shell{Profile: profiles[0]}
	if err := o.open(ctx, s, o.App != ""); err != nil {
		return nil, err
	}
	notes, err := target.Notes(ctx, s.Runner.Builder(), profiles, o.Strict)
	o.Note(notes)
	if err != nil {
		return nil, err
	}
	kernels, err := s.Runner.Build(ctx, profiles)
	if err != nil {
		return nil, err
	}
	s.Kernel = kernels[0]
	return s, nil
}

// open opens the shell's runner, and finds its application. disk: the guest has the disk of the
// applications.
func (o Options) open(ctx context.Context, s *Shell, disk bool) (err error) {
	if disk {
		name, way, named := strings.Cut(o.App, "/")
		if named && way == "" {
			return usage.Errorf("--app %s: want NAME or NAME/WAY", o.App)
		}
		if err := o.Run.UseApps(ctx, "", slices.DeleteFunc([]string{name}, func(n string) bool { return n == "" })...); err != nil {
			return err
		}
		if s.App, err = o.way(name, way); err != nil {
			return err
		}
	}
	o.Run.Probes = ""
	if err := run.Ready(o.Run.Source.Arch); err != nil {
		return err
	}
	s.Runner, err = run.New(ctx, o.Run)
	return err
}

// last prepares the shell for the last failed boot.
func (o Options) last(ctx context.Context) (*Shell, error) {
	boot, err := o.failed()
	if err != nil {
		return nil, err
	}
	s, name := &Shell{}, boot.Ref().Profile()
	s.Profile, _ = kconfigs.Lookup(name) // a user's kernel has no arguments of its own
	s.Profile.Name = name
	o.Run.Source.Series, o.Run.Source.Arch, o.Run.MemoryMiB = boot.Series, boot.Arch, boot.Machine.MemoryMiB
	o.Run.Append = strings.TrimSpace(boot.Append + " " + o.Run.Append)
	if _, err := initramfs.LookupInit(boot.Init); err == nil {
		o.Run.Inits = []string{boot.Init}
	}
	if err := o.open(ctx, s, o.App != "" || boot.Disk != nil); err != nil {
		return nil, err
	}
	if s.Kernel, err = s.Runner.Builder().Find(boot.Kernel.Key); err != nil {
		return nil, fmt.Errorf("finding the kernel of %s: %w", boot.ID, err)
	}
	notes := []string{"the kernel of " + described(boot)}
	key, err := s.Runner.VisitKey(ctx, s.Profile, s.Kernel)
	if err == nil && key != boot.Initramfs.Key {
		notes = append(notes, "the initramfs is not that of the boot: netstrip, its list of probes, the program or the init differ")
	}
	o.Note(notes)
	return s, err
}

// described names a boot and says how it ended.
func described(boot record.Record) string {
	text := boot.ID + ": " + string(boot.Outcome)
	if boot.Reason != "" {
		text += ": " + report.Escape(boot.Reason, 200)
	}
	return text
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

package main

import (
	"context"
	"os"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/shell"
	"github.com/spf13/cobra"
)

func (a *app) shellCommand() *cobra.Command {
	f, o := &flags{}, &shell.Options{}
	c := command("shell [PROFILE]", first(completeProfiles), func(ctx context.Context, names []string) error { return a.shell(ctx, f, *o, names) })
	c.Args = func(_ *cobra.Command, args []string) error {
		if n := len(args) + len(f.Configs) + len(f.Images); n > 1 || n == 1 && o.Last {
			return usage.Errorf("shell takes one kernel: a profile, --config, --kernel or --last")
		}
		return nil
	}
	f.add(c, "cache", "source", "fragment", "override", "configs", "kernel", "strict", "quiet", "results", "accel")
	c.Flags().StringVar(&o.App, "app", "", "start the application `NAME` first, or NAME/WAY; full means full+apps")
	c.Flags().BoolVar(&o.Last, "last", false, "boot the kernel of the last failed boot in the results file again")
	complete(c, words(f.appNames()...), "app")
	return c
}

func (a *app) shell(ctx context.Context, f *flags, o shell.Options, names []string) error {
	o.Run, o.Results = a.options(f), a.results(f)
	if !o.Last {
		profiles, of, err := f.For(ctx, f.cache, f.source(), o.Names(names, len(f.Configs)+len(f.Images))...)
		if err != nil {
			return err
		}
		o.Profile, o.Run.Source.Arch = profiles[0], of
	}
	s, err := o.Prepare(ctx)
	if err == nil && !o.Last {
		err = a.heed(ctx, s.Runner.Builder(), s.Profiles(), f.strict)
	}
	if err == nil {
		err = s.Build(ctx)
	}
	if err != nil {
		return err
	}
	a.note(s.Notes)
	s.Stdin, s.Stdout, s.Stderr, s.Begin = os.Stdin, a.stdout, a.stderr, a.progress.Clear
	code, err := s.Open(ctx)
	if isA[shell.FailedError](err) {
		return differsError{err}
	}
	if err == nil && code != 0 {
		err = exitError(code)
	}
	return err
}

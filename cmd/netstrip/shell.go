package main

import (
	"context"
	"os"

	"github.com/netstrip/netstrip/vmtests/appreport"
	"github.com/netstrip/netstrip/vmtests/shell"
	"github.com/spf13/cobra"
)

func (a *app) shellCommand() *cobra.Command {
	f, o := &flags{}, &shell.Options{}
	c := command("shell [PROFILE]", first(completeProfiles), func(ctx context.Context, names []string) error { return a.shell(ctx, f, *o, names) })
	c.Args = cobra.ArbitraryArgs // Prepare checks them
	f.add(c, "cache", "source", "fragment", "override", "configs", "kernel", "strict", "quiet", "results", "accel", "append")
	c.Flags().StringVar(&o.App, "app", "", "start the application `NAME` first, or NAME/WAY; full means full+apps")
	c.Flags().BoolVar(&o.Last, "last", false, "boot the kernel of the last failed boot in the results file again")
	complete(c, func(_ *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
		return among(begin, appreport.Names(f.dir)...)
	}, "app")
	return c
}

func (a *app) shell(ctx context.Context, f *flags, o shell.Options, names []string) error {
	o.Run, o.Results, o.Kernels, o.Strict, o.Note = a.options(f), a.results(f), f.Kernels, f.strict, a.note
	s, err := o.Prepare(ctx, names...)
	if err != nil {
		return err
	}
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

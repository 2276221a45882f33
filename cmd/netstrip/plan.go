package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/merge"
	"github.com/netstrip/netstrip/vmtests/plan"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/spf13/cobra"
)

func (a *app) planCommand() *cobra.Command {
	f, o, guess := &flags{several: true}, plan.Options{}, false
	c := command("plan [KERNEL...]", completeProfiles, func(ctx context.Context, names []string) error {
		opts := a.options(f)
		o.Names, o.Inits, o.Probes, o.Source, o.Jobs = names, f.inits, f.probes, opts.Source, cmp.Or(f.jobs, runtime.GOMAXPROCS(0))
		o.Series, o.Archs = opts.Source.Series, f.arch
		o.Profiles = func(from source.Options, names ...string) ([]kconfigs.Profile, error) {
			profiles, _, err := f.For(ctx, f.cache, from, names...)
			return profiles, err
		}
		if !guess {
			o.Runner = func(from source.Options) (*run.Runner, error) {
				one := opts
				one.Source = from
				return run.New(ctx, one)
			}
		}
		made, err := plan.New(ctx, o)
		if err != nil {
			return err
		}
		return a.write(f, made)
	})
	f.add(c, "json", "cache", "source", "fragment", "override", "configs", "kernel", "jobs")
	f.boots(c)
	c.Flags().BoolVar(&o.All, "all", false, "plan everything that has expectations")
	c.Flags().IntVar(&o.Shards, "shards", 0, "split the plan into `N` shards")
	c.Flags().BoolVar(&guess, "guess", false, "use only the costs that are part of the program, as --shard does, and no cache")
	return c
}

func (a *app) mergeCommand() *cobra.Command {
	f, o := &flags{}, merge.Options{}
	c := command("merge FILE...", nil, func(_ context.Context, files []string) error {
		r, err := merge.Files(files, o)
		for _, line := range append(r.Notes, r.Missing...) {
			fmt.Fprintf(a.stderr, "netstrip: note: %s\n", report.Escape(line, 2000))
		}
		if err != nil {
			return err
		}
		return a.write(f, r)
	})
	c.Args = cobra.MinimumNArgs(1)
	c.ValidArgsFunction = cobra.FixedCompletions([]string{"jsonl"}, cobra.ShellCompDirectiveFilterFileExt)
	f.add(c, "json")
	c.Flags().StringVarP(&o.Out, "out", "o", "", "`FILE` to write, which must not exist")
	c.Flags().BoolVar(&o.Partial, "partial", false, "merge what there is, and say what is missing")
	_ = c.MarkFlagRequired("out") // fails only if there is no such flag
	return c
}

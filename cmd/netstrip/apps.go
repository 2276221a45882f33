package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/appreport"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/results"
	"github.com/netstrip/netstrip/vmtests/studies"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

func (a *app) appsCommand() *cobra.Command {
	f, profiles := &flags{}, []string{}
	c := command("apps", nil, func(ctx context.Context, _ []string) error { return a.apps(ctx, f, profiles) })
	c.Args = unknownCommand
	f.add(c, "json", "cache", "source", "results", "accel", "fragment", "override", "jobs", "quiet", "all", "resume", "formats")
	f.addShard(c)
	c.Flags().StringSliceVar(&f.apps, "app", nil, "`NAMES` of the applications, separated by commas (default all)")
	c.Flags().StringSliceVar(&profiles, "profile", nil, "`NAMES` of the profiles, full meaning full+apps (default all)")
	c.Flags().StringVar(&f.dir, "dir", "", "`DIR` of applications of your own, as YAML files")
	complete(c, list(func() []string { return appreport.Names(f.dir) }), "app")
	complete(c, list(appreport.Profiles), "profile")
	c.AddCommand(a.appsShowCommand(), a.appsAgainstCommand())
	return c
}

func (a *app) apps(ctx context.Context, f *flags, profiles []string) error {
	if f.resume && (len(f.apps)+len(profiles)+len(f.Fragments) > 0 || f.shard != "") {
		return usage.Errorf("--resume uses the applications, profiles and fragments the run began with: name none")
	}
	return a.boot(ctx, f, "apps", appreport.Kernels(profiles), func(records []record.Record) error {
		if f.json {
			return table.JSON(a.stdout, appreport.List(records, wire.AppFamily))
		}
		return a.showRecords(records, f, true)
	})
}

func (a *app) appsShowCommand() *cobra.Command {
	f := &flags{}
	c := command("show APP[/WAY]", first(list(func() []string { return appreport.Names(f.dir) })), func(_ context.Context, args []string) error { return a.appsShow(f, args[0]) })
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage.Errorf("apps show takes one application, such as redis or redis/unix")
		}
		return nil
	}
	f.add(c, "json", "results")
	return c
}

func (a *app) appsShow(f *flags, which string) error {
	records, err := a.results(f).Load(appreport.Asked)
	if err != nil {
		return err
	}
	probe, having := appreport.Having(records, which)
	if len(having) == 0 {
		return usage.Errorf("no records of application %q in %s; netstrip apps --app NAME adds some", which, f.results)
	}
	results.ByLadder(having)
	if f.json {
		return table.JSON(a.stdout, appreport.List(having, probe))
	}
	for i, r := range having {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if err := report.Show(a.stdout, r, probe); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) appsAgainstCommand() *cobra.Command {
	f := &flags{}
	c := command("against STUDY", first(list(studies.Studies)), func(_ context.Context, args []string) error {
		records, err := a.results(f).Load(appreport.Asked)
		if err != nil {
			return err
		}
		if records = appreport.Answered(records); len(records) == 0 {
			return usage.Errorf("no records of applications in %s; netstrip apps adds some", f.results)
		}
		found, err := studies.Against(args[0], records)
		if err != nil {
			return err
		}
		return found.Table().Write(a.stdout, f.format())
	})
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 || !slices.Contains(studies.Studies(), args[0]) {
			return usage.Errorf("apps against takes one study: %s", strings.Join(studies.Studies(), " or "))
		}
		return nil
	}
	f.add(c, "json", "results", "markdown")
	return c
}

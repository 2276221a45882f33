package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/appreport"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/results"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

// appsAsked is what the command apps was asked.
type appsAsked struct {
	flags
	names, only []string
	dir         string
}

func (a *app) appsCommand() *cobra.Command {
	f := &appsAsked{}
	c := &cobra.Command{
		Use:  "apps",
		Args: unknownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return a.apps(c.Context(), f) },
	}
	f.add(c, "json", "cache", "source", "results", "accel")
	c.Flags().StringSliceVar(&f.names, "app", nil, "`NAMES` of the applications, separated by commas (default all)")
	c.Flags().StringSliceVar(&f.only, "profile", nil, "`NAMES` of the profiles, full meaning full+apps (default all)")
	c.Flags().StringVar(&f.dir, "dir", "", "`DIR` of applications of your own, as YAML files")
	f.add(c, "fragment", "override", "jobs", "quiet", "all", "markdown", "resume")
	_ = c.RegisterFlagCompletionFunc("app", f.completeApps)
	_ = c.RegisterFlagCompletionFunc("profile", completeAppProfiles)
	c.AddCommand(a.appsShowCommand(), a.appsAgainstCommand())
	return c
}

func (a *app) appsShowCommand() *cobra.Command {
	f := &appsAsked{}
	c := &cobra.Command{
		Use: "show APP[/WAY]",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage.Errorf("apps show takes one application, such as redis or redis/unix")
			}
			return nil
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return f.completeApps(c, args, begin)
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.appsShow(f, args[0]) },
	}
	f.add(c, "json", "results")
	return c
}

func (a *app) apps(ctx context.Context, f *appsAsked) error {
	if f.resume && len(f.names)+len(f.only)+len(f.fragments) > 0 {
		return usage.Errorf("--resume uses the applications, profiles and fragments the run began with: name none")
	}
	all, probes, err := f.choose(ctx)
	if err != nil {
		return err
	}
	f.probes = probes
	records, err := a.boot(ctx, &f.flags, "apps", f.appProfiles(), all)
	if err != nil {
		return a.resumed(&f.flags, err)
	}
	if !f.json {
		return a.report(&f.flags, records)
	}
	a.progress.Clear()
	if err := table.JSON(a.stdout, appreport.List(records, wire.AppFamily)); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return judge(records)
}

// appProfiles returns the names of the profiles asked for, or of all there are for
// applications.
func (f *appsAsked) appProfiles() []string {
	var names []string
	for _, n := range f.only {
		name := ref.Parse(n)
		name.Apps = true
		names = append(names, name.String())
	}
	if len(names) == 0 {
		for _, p := range kconfigs.Apps() {
			names = append(names, p.Name)
		}
	}
	return names
}

// choose returns all applications, and patterns of the ways of those named.
func (f *appsAsked) choose(ctx context.Context) (all []apps.App, probes string, err error) {
	if all, err = apps.Load(ctx, f.dir); err != nil {
		return nil, "", err
	}
	names, patterns := appNames(all), []string{}
	for _, n := range f.names {
		if !slices.Contains(names, n) {
			return nil, "", usage.Errorf("no such application: %q; the applications are %s", n, strings.Join(names, ", "))
		}
		patterns = append(patterns, apps.ID{Name: n, Way: "*"}.String())
	}
	return all, strings.Join(patterns, ","), nil
}

func (a *app) appsShow(f *appsAsked, which string) error {
	records, err := a.results(&f.flags).Load(appreport.Asked)
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

// completeApps completes the last of several names.
func (f *appsAsked) completeApps(c *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	all, err := apps.Load(c.Context(), f.dir)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeList(appNames(all), begin)
}

func appNames(all []apps.App) (names []string) {
	for _, x := range all {
		names = append(names, x.Name)
	}
	return names
}

func completeAppProfiles(_ *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, p := range kconfigs.Apps() {
		names = append(names, ref.Parse(p.Name).Base)
	}
	return completeList(names, begin)
}

// completeList completes the last word of a list separated by commas.
func completeList(names []string, begin string) ([]string, cobra.ShellCompDirective) {
	done := begin[:strings.LastIndex(begin, ",")+1]
	var words []string
	for _, n := range names {
		if strings.HasPrefix(n, begin[len(done):]) {
			words = append(words, done+n)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

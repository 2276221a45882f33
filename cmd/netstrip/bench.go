package main

import (
	"context"
	"fmt"
	"os"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/spf13/cobra"
)

func (a *app) benchCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:               "bench [PROFILE...]",
		ValidArgsFunction: completeProfiles,
		RunE:              func(c *cobra.Command, args []string) error { return a.bench(c.Context(), f, args) },
	}
	f.add(c, "json", "cache", "source", "fragment", "override", "configs", "strict", "kernel", "jobs", "quiet", "results", "accel", "markdown")
	return c
}

func (a *app) bench(ctx context.Context, f *flags, names []string) error {
	if len(names)+len(f.configs)+len(f.kernels) == 0 {
		names = []string{"full"}
	}
	f.probes = wire.PerfFamily + "/*"
	records, err := a.boot(ctx, f, names)
	if err != nil {
		return err
	}
	a.progress.Clear()
	if err := report.SpeedTable(report.Speeds(records)).Write(a.stdout, f.format()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return judge(records)
}

// boot boots the profiles named and those of the user's own, or what is missing of a run.
func (a *app) boot(ctx context.Context, f *flags, names []string) ([]record.Record, error) {
	o, err := a.runOptions(f)
	if err != nil {
		return nil, err
	}
	profiles, err := f.profiles(names)
	if err != nil {
		return nil, err
	}
	if err := a.checkResults(f); err != nil {
		return nil, err
	}
	runner, err := run.New(ctx, o)
	if err != nil {
		return nil, err
	}
	a.resume = process.Quote(os.Args[0]) + " run --resume" + f.where()
	if f.resume {
		return runner.Resume(ctx)
	}
	if err := a.heed(ctx, runner.Builder(), profiles, f.strict); err != nil {
		return nil, err
	}
	return runner.Run(ctx, profiles)
}

// checkResults looks first at what would fail after minutes of building.
func (a *app) checkResults(f *flags) error {
	var err error
	if f.resume {
		err = a.tellDamage(f.results)
	} else {
		err = record.Store{Path: f.results}.Check()
	}
	if err != nil {
		return err
	}
	return run.Ready()
}

package main

import (
	"context"
	"fmt"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/report"
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
	records, err := a.boot(ctx, f, "run", names, nil)
	if err != nil {
		return err
	}
	a.progress.Clear()
	if err := report.SpeedTable(report.Speeds(records)).Write(a.stdout, f.format()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return judge(records)
}

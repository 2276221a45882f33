package main

import (
	"context"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/spf13/cobra"
)

func (a *app) benchCommand() *cobra.Command {
	f := &flags{}
	c := command("bench [PROFILE...]", completeProfiles, func(ctx context.Context, names []string) error {
		if len(names)+len(f.Configs)+len(f.Images) == 0 {
			names = []string{"full"}
		}
		f.probes = wire.PerfFamily + "/*"
		return a.boot(ctx, f, "run", names, func(records []record.Record) error {
			return report.SpeedTable(report.Speeds(records)).Write(a.stdout, f.format())
		})
	})
	f.add(c, "json", "cache", "source", "fragment", "override", "configs", "strict", "kernel", "jobs", "quiet", "results", "accel", "markdown")
	f.addShard(c)
	return c
}

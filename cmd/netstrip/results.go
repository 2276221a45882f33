package main

import (
	"context"

	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/results"
	"github.com/spf13/cobra"
)

func (a *app) resultsCommand() *cobra.Command {
	f, l := &flags{}, results.Limits{}
	list := command("ls", nil, func(context.Context, []string) error {
		runs, err := results.Runs(f.results)
		if err != nil {
			return err
		}
		return rows(runs, results.Run.Cells, "RUN", "SIZE").Write(a.stdout, f.format())
	})
	prune := command("prune", nil, func(ctx context.Context, _ []string) error {
		a.progress = progress.New(a.stderr)
		return a.lines(l.Prune(ctx, record.Store{Path: f.results, OnWait: func(path string) {
			a.progress.Line("waiting for another program that has locked %s", path)
		}}))
	})
	f.add(list, "json", "results")
	f.add(prune, "results")
	prune.Flags().IntVar(&l.Last, "keep", 0, "keep only the last `N` runs")
	addLimits(prune, &l.Bytes, "reduce the file to this `SIZE`", &l.OlderThan, "remove runs that began more than this `AGE` ago", &l.DryRun)
	c := &cobra.Command{Use: "results"}
	c.AddCommand(list, prune)
	return c
}

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/results"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

func (a *app) resultsCommand() *cobra.Command {
	c := &cobra.Command{Use: "results"}
	c.AddCommand(a.resultsListCommand(), a.resultsPruneCommand())
	return c
}

func (a *app) resultsListCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:  "ls",
		RunE: func(*cobra.Command, []string) error { return a.resultsList(f) },
	}
	f.add(c, "json", "results")
	return c
}

func (a *app) resultsList(f *flags) error {
	runs, err := results.Runs(f.results)
	if err != nil {
		return err
	}
	t := table.Table{Head: []string{"RUN", "SIZE"}, Value: runs}
	for _, r := range runs {
		t.Add(report.Escape(r.Run, 60), bytesText(r.Bytes))
	}
	return t.Write(a.stdout, f.format())
}

func (a *app) resultsPruneCommand() *cobra.Command {
	f, k, dry := &flags{}, results.Limits{}, false
	c := &cobra.Command{
		Use: "prune",
		RunE: func(c *cobra.Command, _ []string) error {
			if k.Last <= 0 && k.OlderThan == 0 && k.Bytes == 0 {
				return usage.Errorf("prune takes a limit: --keep, --older-than or --max-size")
			}
			return a.resultsPrune(c.Context(), f, k, dry)
		},
	}
	f.add(c, "results")
	c.Flags().IntVar(&k.Last, "keep", 0, "keep only the last `N` runs")
	c.Flags().Var((*ageFlag)(&k.OlderThan), "older-than", "remove runs that began more than this `AGE` ago: 30d, 12h")
	c.Flags().Var((*sizeFlag)(&k.Bytes), "max-size", "reduce the file to this `SIZE`: 500M, 2.5GiB (powers of 1024)")
	c.Flags().BoolVar(&dry, "dry-run", false, "only print what would be removed")
	return c
}

func (a *app) resultsPrune(ctx context.Context, f *flags, k results.Limits, dry bool) error {
	runs, err := results.Runs(f.results)
	if err != nil {
		return err
	}
	gone := k.Exceeding(runs, time.Now())
	did := "would remove"
	if !dry && len(gone) > 0 {
		a.progress = progress.New(a.stderr)
		store := record.Store{Path: f.results, OnWait: func(path string) {
			a.progress.Line("waiting for another program that has locked %s", path)
		}}
		if err := store.Prune(ctx, func(run string) bool { return gone[run] }); err != nil {
			return err
		}
	}
	if !dry {
		did = "removed"
	}
	for _, r := range runs {
		if gone[r.Run] {
			fmt.Fprintf(a.stdout, "%s %s: %s\n", did, report.Escape(r.Run, 60), bytesText(r.Bytes))
		}
	}
	_, err = fmt.Fprintf(a.stdout, "%s %d of %d runs\n", did, len(gone), len(runs))
	return err
}

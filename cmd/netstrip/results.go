package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

func (a *app) resultsCommand() *cobra.Command {
	c := &cobra.Command{Use: "results"}
	c.AddCommand(a.resultsListCommand(), a.resultsPruneCommand())
	return c
}

// recordedRun is a run in a results file, as JSON.
type recordedRun struct {
	Run   string    `json:"run"`
	Time  time.Time `json:"time"` // when it began; zero of a name that has no time in it
	Bytes int64     `json:"bytes"`
}

// recordedRuns returns the runs of a results file, in its order.
func recordedRuns(path string) ([]recordedRun, error) {
	names, sizes, err := record.Store{Path: path}.Sizes()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage.Errorf("%w; netstrip run and netstrip apps make it, --results names another", err)
	}
	runs := make([]recordedRun, 0, len(names))
	for _, name := range names {
		began, _ := time.Parse("20060102T150405Z", name[:min(len(name), len("20060102T150405Z"))])
		runs = append(runs, recordedRun{name, began, sizes[name]})
	}
	return runs, err
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
	runs, err := recordedRuns(f.results)
	if err != nil {
		return err
	}
	t := table.Table{Head: []string{"RUN", "SIZE"}, Value: runs}
	for _, r := range runs {
		t.Add(report.Escape(r.Run, 60), bytesText(r.Bytes))
	}
	return t.Write(a.stdout, f.format())
}

// keeping says which runs stay.
type keeping struct {
	last      int
	olderThan time.Duration
	bytes     int64
	dry       bool
}

func (a *app) resultsPruneCommand() *cobra.Command {
	f, k := &flags{}, keeping{}
	c := &cobra.Command{
		Use: "prune",
		RunE: func(c *cobra.Command, _ []string) error {
			if k.last <= 0 && k.olderThan == 0 && k.bytes == 0 {
				return usage.Errorf("prune takes a limit: --keep, --older-than or --max-size")
			}
			return a.resultsPrune(c.Context(), f, k)
		},
	}
	f.add(c, "results")
	c.Flags().IntVar(&k.last, "keep", 0, "keep only the last `N` runs")
	c.Flags().Var((*ageFlag)(&k.olderThan), "older-than", "remove runs that began more than this `AGE` ago: 30d, 12h")
	c.Flags().Var((*sizeFlag)(&k.bytes), "max-size", "reduce the file to this `SIZE`: 500M, 2.5GiB (powers of 1024)")
	c.Flags().BoolVar(&k.dry, "dry-run", false, "only print what would be removed")
	return c
}

// goes reports which of the runs go, by name.
func (k keeping) goes(runs []recordedRun, now time.Time) map[string]bool {
	var left int64
	for _, r := range runs {
		left += r.Bytes
	}
	gone := map[string]bool{}
	for i, r := range runs {
		old := k.olderThan > 0 && !r.Time.IsZero() && now.Sub(r.Time) > k.olderThan
		if k.last > 0 && len(runs)-i > k.last || old || k.bytes > 0 && left > k.bytes {
			gone[r.Run] = true
			left -= r.Bytes
		}
	}
	return gone
}

func (a *app) resultsPrune(ctx context.Context, f *flags, k keeping) error {
	runs, err := recordedRuns(f.results)
	if err != nil {
		return err
	}
	gone := k.goes(runs, time.Now())
	did := "would remove"
	if !k.dry && len(gone) > 0 {
		a.progress = progress.New(a.stderr)
		store := record.Store{Path: f.results, OnWait: func(path string) {
			a.progress.Line("waiting for another program that has locked %s", path)
		}}
		if err := store.Prune(ctx, func(run string) bool { return gone[run] }); err != nil {
			return err
		}
	}
	if !k.dry {
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

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/explanation"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/record/redact"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

func (a *app) showCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use: "show [RECORD [PROBE]]",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 {
				return usage.Errorf("show takes a record and a probe; unexpected: %q", args[2:])
			}
			return nil
		},
		ValidArgsFunction: f.completeRecords,
		RunE:              func(c *cobra.Command, args []string) error { return a.show(c.Context(), f, args) },
	}
	f.add(c, "json", "results", "all", "markdown")
	c.Flags().BoolVar(&f.redact, "redact", false, "with --json, replace paths and names of this machine")
	return c
}

func (a *app) show(ctx context.Context, f *flags, args []string) error {
	if f.redact && !f.json {
		return usage.Errorf("--redact goes with --json")
	}
	chosen, whole, err := a.chosen(f, args)
	if err != nil {
		return err
	}
	probe := ""
	if len(args) == 2 {
		probe = args[1]
	}
	if f.redact {
		if chosen, err = redact.Records(chosen, f.results); err != nil {
			return fmt.Errorf("redacting: %w", err)
		}
	}
	if f.json {
		return a.showJSON(chosen, probe)
	}
	byLadder(chosen)
	if strings.TrimSuffix(probe, "/") == wire.PerfFamily {
		return report.SpeedTable(report.Speeds(chosen)).Write(a.stdout, f.format())
	}
	if probe == "" && whole || f.markdown {
		chosen, err := report.Only(chosen, probe)
		if err != nil {
			return usage.Error{Err: err}
		}
		return a.showRecords(chosen, f, len(args) == 0 || args[0] == "latest")
	}
	for i, r := range chosen {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		err := report.Show(a.stdout, r, probe)
		if errors.Is(err, report.ErrUnknownProbe) {
			return usage.Error{Err: err}
		}
		if err != nil {
			return err
		}
		if found := report.Matching(r, probe); len(found) == 1 {
			a.showSymbols(ctx, r, found[0].ID)
		}
	}
	return nil
}

// showSymbols names the symbols that a probe stands for, and their values on a record's kernel.
func (a *app) showSymbols(ctx context.Context, r record.Record, probe string) {
	a.progress.State("asking Kconfig about %s", probe)
	label := "symbols"
	for _, line := range explanation.Probe(ctx, probe, r.Ref().Profile(), (&flags{series: r.Series}).source()) {
		a.progress.Clear()
		fmt.Fprintf(a.stdout, "  %-10s %s\n", label, report.Escape(line, 2000))
		label = ""
	}
}

// chosen returns the records that show's arguments mean, and whether they are a whole run.
func (a *app) chosen(f *flags, args []string) (chosen []record.Record, whole bool, err error) {
	file, err := a.open(f.results)
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	if len(args) == 0 || args[0] == "latest" {
		chosen, err = a.read(f.results, file, latestRun(file.Records))
		return chosen, true, err
	}
	if chosen = record.Find(file.Records, args[0]); len(chosen) == 0 {
		return nil, false, usage.Errorf("no such record, run or profile in %[2]s: %[1]q; the latest run is %[3]s",
			args[0], f.results, file.Records[len(file.Records)-1].Run)
	}
	whole = chosen[0].Run == args[0] && chosen[0].ID != args[0]
	if len(args) == 2 && !whole && chosen[0].ID != args[0] {
		chosen, err = a.asking(f.results, file, chosen[0], args)
	} else {
		chosen, err = a.read(f.results, file, chosen)
	}
	if err == nil && len(args) == 2 && slices.ContainsFunc(chosen, knows(args[1])) {
		chosen = slices.DeleteFunc(chosen, func(r record.Record) bool { return !knows(args[1])(r) })
	}
	return chosen, whole, err
}

// knows tells the records that know of a probe.
func knows(probe string) func(record.Record) bool {
	return func(r record.Record) bool { _, err := report.Only([]record.Record{r}, probe); return err == nil }
}

// asking returns the newest record of the profile that is the first argument which knows of
// the probe that is the second, or else just the newest: that may be of other probes.
func (a *app) asking(path string, file *record.File, newest record.Record, args []string) ([]record.Record, error) {
	all := slices.Clone(file.Records)
	slices.Reverse(all) // of two at one time the later line
	slices.SortStableFunc(all, func(a, b record.Record) int { return b.Time.Compare(a.Time) })
	for _, r := range all {
		if !r.Called(args[0]) {
			continue
		}
		one, _, err := file.Read([]record.Record{r})
		if err != nil || slices.ContainsFunc(one, knows(args[1])) {
			return one, err
		}
	}
	return a.read(path, file, []record.Record{newest})
}

// showJSON writes whole records, cut down to the probes asked for.
func (a *app) showJSON(records []record.Record, probe string) error {
	if probe == "" {
		return table.JSON(a.stdout, records)
	}
	for i, r := range records {
		if err := report.Show(io.Discard, r, probe); err != nil {
			return usage.Error{Err: err}
		}
		records[i].Findings = report.Matching(r, probe)
	}
	return table.JSON(a.stdout, records)
}

// open opens the results, in which there is a record, and tells of each damaged line.
func (a *app) open(path string) (*record.File, error) {
	file, err := record.Store{Path: path}.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage.Errorf("%w; netstrip run and netstrip apps make it, --results names another", err)
	}
	if err != nil {
		return nil, err
	}
	a.tell(path, file.Damage)
	if len(file.Records) > 0 {
		return file, nil
	}
	file.Close()
	if len(file.Damage) > 0 {
		return nil, fmt.Errorf("no record in %s is intact", path)
	}
	return nil, usage.Errorf("%s has no records; netstrip run adds some", path)
}

// load reads those of the results that choose does, which sees only what a record.File has.
func (a *app) load(path string, choose func([]record.Record) []record.Record) ([]record.Record, error) {
	file, err := a.open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return a.read(path, file, choose(file.Records))
}

// read reads records of a results file, and tells of each that turns out damaged.
func (a *app) read(path string, file *record.File, chosen []record.Record) ([]record.Record, error) {
	return file.Intact(chosen, func(d []record.Damage) { a.tell(path, d) })
}

// byLadder puts records, which stand in the order in which their boots ended, in the
// order of the ladder, and those of one kernel in the order of the inits.
func byLadder(records []record.Record) {
	place := func(r record.Record) int {
		i := slices.IndexFunc(kconfigs.Profiles(), func(p kconfigs.Profile) bool { return p.Name == r.Ref().Base })
		return i & math.MaxInt // -1, a profile that is not of the ladder, comes last
	}
	init := func(r record.Record) int {
		return slices.IndexFunc(initramfs.Inits(), func(i initramfs.Init) bool { return i.Name == r.Init })
	}
	slices.SortStableFunc(records, func(a, b record.Record) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(init(a), init(b)))
	})
}

// tell names the damaged lines of a results file.
func (a *app) tell(path string, damage []record.Damage) {
	for _, d := range damage {
		fmt.Fprintf(a.stderr, "netstrip: %s:%d: skipped: %s\n", path, d.Line, report.Escape(d.Why, 300))
	}
}

// tellDamage is tell for a file that need not be there.
func (a *app) tellDamage(path string) error {
	file, err := record.Store{Path: path}.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	a.tell(path, file.Damage)
	return file.Close()
}

func latestRun(records []record.Record) []record.Record {
	latest := slices.MaxFunc(records, func(a, b record.Record) int { return cmp.Compare(a.Run, b.Run) })
	return record.Find(records, latest.Run)
}

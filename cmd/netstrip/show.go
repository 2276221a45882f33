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
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/spf13/cobra"
)

func (a *app) showCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:   "show [RECORD [PROBE]]",
		Short: "Show what was recorded: the latest run, one boot, or one answer",
		Long: `Without arguments, the table of the latest run. RECORD is the ID of a record, the
name of a run, latest for the latest one, or a profile, which means its latest record,
or full@6.1 for that of one kernel series. PROBE is the ID of a probe, or the beginning
of several; with --markdown it cuts the table down to those.

Where there is a kernel to compare with, the table of a run shows the probes that answer
differently and counts the others. With --all or --markdown it shows every probe.`,
		Example: `  netstrip show
  netstrip show --all
  netstrip show no-net
  netstrip show no-net socket/tcp4/loopback
  netstrip show full socket
  netstrip show latest kernel --markdown
  netstrip show full perf
  netstrip show --markdown > table.md`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 {
				return usagef("show takes a record and a probe, and got %q besides", args[2:])
			}
			return nil
		},
		ValidArgsFunction: f.completeRecords,
		RunE: func(c *cobra.Command, args []string) error {
			return a.show(c.Context(), f, args)
		},
	}
	f.addJSON(c)
	f.addResults(c)
	f.addAll(c)
	c.Flags().BoolVar(&f.markdown, "markdown", false, "write a table as Markdown, with every probe")
	return c
}

func (a *app) show(ctx context.Context, f *flags, args []string) error {
	records, err := a.load(f.results)
	if err != nil {
		return err
	}
	chosen, whole := latestRun(records), true
	if len(args) > 0 && args[0] != "latest" {
		chosen = record.Find(asking(records, args), args[0])
		if len(chosen) == 0 {
			return usagef("no record, run or profile is called %q in %s; the latest run is %s", args[0], f.results, records[len(records)-1].Run)
		}
		whole = chosen[0].Run == args[0] && chosen[0].ID != args[0]
	}
	probe := ""
	if len(args) == 2 {
		probe = args[1]
	}
	if f.json {
		return a.showJSON(chosen, probe)
	}
	byLadder(chosen)
	if strings.TrimSuffix(probe, "/") == wire.PerfFamily {
		return report.WriteSpeeds(a.stdout, report.Speeds(chosen), f.markdown)
	}
	if probe == "" && whole || f.markdown {
		chosen, err := report.Only(chosen, probe)
		if err != nil {
			return usageError{err}
		}
		return a.showRecords(chosen, f, len(args) == 0 || args[0] == "latest")
	}
	for i, r := range chosen {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		err := report.Show(a.stdout, r, probe)
		if errors.Is(err, report.ErrUnknownProbe) {
			return usageError{err}
		}
		if err != nil {
			return err
		}
		a.showSymbols(ctx, r, probe)
	}
	return nil
}

// asking gives those records that know of the probe that is the second argument, if any
// does and there is one: a profile's newest record may be of other probes.
func asking(records []record.Record, args []string) []record.Record {
	knows := func(r record.Record) bool { _, err := report.Only([]record.Record{r}, args[1]); return err == nil }
	if len(args) < 2 || !slices.ContainsFunc(records, knows) {
		return records
	}
	return slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool { return !knows(r) })
}

// showJSON writes whole records, cut down to the probes asked for.
func (a *app) showJSON(records []record.Record, probe string) error {
	if probe == "" {
		return report.JSON(a.stdout, records)
	}
	for i, r := range records {
		if err := report.Show(io.Discard, r, probe); err != nil {
			return usageError{err}
		}
		records[i].Findings = report.Matching(r, probe)
	}
	return report.JSON(a.stdout, records)
}

// load reads the results and tells of each damaged line.
func (a *app) load(path string) ([]record.Record, error) {
	records, damage, err := record.Load(path)
	a.tell(path, damage)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("%w; netstrip run and netstrip apps make it, --results names another", err)
	case err != nil:
		return nil, err
	case len(records) == 0 && len(damage) > 0:
		return nil, fmt.Errorf("no record in %s is intact", path)
	case len(records) == 0:
		return nil, usagef("no boots are recorded in %s; netstrip run adds some", path)
	}
	return records, nil
}

// byLadder puts records, which stand in the order in which their boots ended, in the
// order of the ladder, and those of one kernel in the order of the inits.
func byLadder(records []record.Record) {
	place := func(r record.Record) int {
		name, _, _ := strings.Cut(r.Profile, "+")
		name, _, _ = strings.Cut(name, "/") // and its init
		i := slices.IndexFunc(kconfigs.Profiles(), func(p kconfigs.Profile) bool { return p.Name == name })
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
	_, damage, err := record.Load(path)
	a.tell(path, damage)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func latestRun(records []record.Record) []record.Record {
	runs := record.ByRun(records)
	return runs[len(runs)-1]
}

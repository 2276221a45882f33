package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/explanation"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/record/redact"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/results"
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
	chosen, whole, err := a.results(f).Choose(args...)
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
	results.ByLadder(chosen)
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

// results returns the results file that the flags name.
func (a *app) results(f *flags) results.Results {
	return results.Results{Path: f.results, Damaged: func(d []record.Damage) { a.tell(f.results, d) }}
}

// tell names the damaged lines of a results file.
func (a *app) tell(path string, damage []record.Damage) {
	for _, d := range damage {
		fmt.Fprintf(a.stderr, "netstrip: %s:%d: skipped: %s\n", path, d.Line, report.Escape(d.Why, 300))
	}
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/explanation"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/record/redact"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/results"
	"github.com/spf13/cobra"
)

func (a *app) showCommand() *cobra.Command {
	f := &flags{}
	c := command("show [RECORD [PROBE]]", f.completeRecords, func(ctx context.Context, args []string) error { return a.show(ctx, f, args) })
	c.Args = cobra.ArbitraryArgs
	f.add(c, "json", "results", "all", "markdown")
	c.Flags().BoolVar(&f.redact, "redact", false, "with --json, replace paths and names of this machine")
	return c
}

func (a *app) show(ctx context.Context, f *flags, args []string) error {
	switch {
	case len(args) > 2:
		return usage.Errorf("show takes a record and a probe; unexpected: %q", args[2:])
	case f.redact && !f.json:
		return usage.Errorf("--redact goes with --json")
	}
	chosen, whole, err := a.results(f).Choose(args...)
	if err == nil && f.redact {
		chosen, err = redact.Records(chosen, f.results)
	}
	if err != nil {
		return err
	}
	probe := strings.Join(args[min(1, len(args)):], "")
	if !f.json {
		results.ByLadder(chosen)
	}
	if !f.json && strings.TrimSuffix(probe, "/") == wire.PerfFamily {
		return report.SpeedTable(report.Speeds(chosen)).Write(a.stdout, f.format())
	}
	cut, err := report.Only(chosen, probe)
	switch {
	case err != nil:
		return usage.Error{Err: err}
	case f.json:
		return expect.JSON(a.stdout, chosen, cut, probe)
	case probe == "" && whole, f.markdown != "":
		return a.showRecords(cut, f, len(args) == 0 || args[0] == "latest")
	}
	for i, r := range cut {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if err := expect.Show(a.stdout, chosen[i], r, probe); err != nil {
			return err
		}
		if probe != "" && len(r.Findings) == 1 && r.Findings[0].Symbols == nil {
			symbols := explanation.Probe(ctx, r.Findings[0].ID, r.Ref().Profile(), (&flags{series: r.Series, arch: cmp.Or(r.Arch, arch.All()[0].Name)}).source())
			for i, line := range symbols {
				report.Field(a.stdout, []string{"symbols", ""}[min(i, 1)], report.Escape(line, 2000))
			}
		}
	}
	return nil
}

// results returns the results file that the flags name, which reports its damaged lines.
func (a *app) results(f *flags) results.Results {
	return results.Results{Path: f.results, Damaged: func(damage []record.Damage) {
		for _, d := range damage {
			fmt.Fprintf(a.stderr, "netstrip: %s:%d: skipped: %s\n", f.results, d.Line, report.Escape(d.Why, 300))
		}
	}}
}

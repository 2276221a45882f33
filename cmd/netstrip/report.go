package main

import (
	"context"
	"errors"
	"io"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/interchange"
	"github.com/netstrip/netstrip/vmtests/page"
	"github.com/netstrip/netstrip/vmtests/record/redact"
	"github.com/spf13/cobra"
)

func (a *app) reportCommand() *cobra.Command {
	f, out := &flags{}, ""
	complete := func(c *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
		return f.completeRecords(c, nil, begin)
	}
	c := command("report [RECORD...]", complete, func(ctx context.Context, args []string) error { return a.report(ctx, f, out, args) })
	f.add(c, "results", "cache", "formats")
	c.Flags().BoolVar(&f.all, "all", false, "take the latest record of each kernel and choice of probes, from all runs")
	c.Flags().BoolVar(&f.redact, "redact", false, "replace paths and names of this machine, and leave out the console logs")
	c.Flags().StringVarP(&out, "output", "o", "", "`FILE` for the page; - is standard output")
	return c
}

func (a *app) report(ctx context.Context, f *flags, out string, args []string) error {
	switch {
	case out == "" && f.formats == (interchange.Files{}):
		return usage.Errorf("report writes a file: netstrip report -o report.html; --junit, --ktap, --kcidb and --markdown name others")
	case f.all && len(args) > 0:
		return usage.Errorf("--all takes no records; unexpected: %q", args)
	}
	if err := f.formats.Check(interchange.Others{Results: f.results, Page: out}); err != nil {
		return err
	}
	records, err := a.results(f).Several(f.all, args...)
	logs := f.results
	if err == nil && f.redact {
		records, err = redact.Records(records, f.results)
		logs = ""
	}
	if err != nil {
		return err
	}
	a.note(a.results(f).Unfinished(records))
	if out != "" {
		err = a.output(out, func(w io.Writer) error {
			return page.Write(ctx, w, page.Options{Records: records, Results: logs, Cache: f.cache})
		})
	}
	return errors.Join(err, f.formats.Write(a.stdout, records))
}

// output writes a file that the user named; - is standard output.
func (a *app) output(path string, write func(io.Writer) error) error {
	if path == "-" {
		return write(a.stdout)
	}
	return file.Replace(path, write)
}

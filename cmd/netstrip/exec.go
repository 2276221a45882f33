package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/job"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (a *app) execCommand() *cobra.Command {
	o, expect := &job.Options{}, -1
	f := &flags{program: o}
	c := command("exec [PROFILE...] -- COMMAND [ARG...]", completeProfiles, nil)
	c.RunE = func(c *cobra.Command, args []string) error {
		n := c.ArgsLenAtDash()
		if n < 0 {
			return usage.Errorf("exec takes profiles, then --, then the command; netstrip exec --help has examples")
		}
		o.Command = args[n:]
		return a.exec(c.Context(), f, args[:n], expect)
	}
	f.add(c, "json", "cache", "source", "fragment", "override", "configs", "kernel", "strict", "jobs", "quiet", "results", "accel", "append")
	c.Flags().StringArrayVar(&o.With, "with", nil, "`PATH` of a file or directory that the program needs; repeatable")
	c.Flags().StringVar(&o.Root, "root", "", "`DIR` whose copy becomes the guest's root file system")
	c.Flags().BoolVar(&o.Disk, "disk", false, "use the disk of the applications as the root file system; full means full+apps")
	c.Flags().StringVar(&o.Out, "out", "", "bring the files that the program makes or changes back to `DIR`")
	c.Flags().DurationVar(&o.Limit, "timeout", 0, "end the program after this `TIME` (default 5m, or that of go test)")
	c.Flags().BoolVar(&o.Plain, "plain", false, "do not look for the call that made the program fail, which takes another boot")
	c.Flags().IntVar(&expect, "expect", -1, "exit with 0 if the program exits with `CODE` on all kernels, else with 1")
	complete(c, cobra.NoFileCompletions, "timeout", "expect")
	return c
}

// exec runs a program on the named kernels, and ends with the exit code that it deserves.
func (a *app) exec(ctx context.Context, f *flags, names []string, expect int) error {
	f.program.Stdin, f.program.Stdout, f.program.Stderr = os.Stdin, a.stdout, a.stderr
	if f.json {
		f.program.Stdout = a.stderr
	}
	f.quiet = f.quiet || !term.IsTerminal(int(os.Stderr.Fd())) // go test shows it among the output
	return a.boot(ctx, f, "exec", f.program.Names(len(f.Configs)+len(f.Images) > 0, names...), func(records []record.Record) (err error) {
		results := job.Results(records)
		for _, r := range results {
			if len(results) > 1 || r.Code() != 0 {
				fmt.Fprintf(a.stderr, "netstrip: %s\n", r.Line())
			}
		}
		if f.json {
			err = a.showRecords(records, f, true)
		}
		code, judged := job.Judge(results, expect)
		if err = errors.Join(err, judged); err == nil && code != 0 {
			err = exitError(code)
		}
		return err
	})
}

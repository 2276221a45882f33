package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/console/logfile"
	"github.com/netstrip/netstrip/vmtests/console/truth"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

func (a *app) consoleCommand() *cobra.Command {
	f := &flags{}
	score := ""
	c := &cobra.Command{
		Use: "console [FILE...]",
		RunE: func(c *cobra.Command, args []string) error {
			a.progress = progress.New(a.stderr)
			switch {
			case c.Flags().Changed("score") && len(args) > 0:
				return usage.Errorf("--score takes no FILE; unexpected: %q", args)
			case c.Flags().Changed("score"):
				return a.score(c.Context(), f, score)
			}
			return a.console(c.Context(), f, args)
		},
	}
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	f.add(c, "json")
	c.Flags().StringVar(&score, "score", "", "compare what is read from each log in `DIR` with the expected reading beside it")
	_ = c.MarkFlagDirname("score")
	return c
}

// console reads the files named, or standard input.
func (a *app) console(ctx context.Context, f *flags, paths []string) error {
	if len(paths) == 0 {
		paths = []string{"-"}
	}
	readings := []logfile.Reading{}
	var wrong []error
	missing := 0
	for _, path := range paths {
		r, err := logfile.Read(ctx, path, a.progress)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, fs.ErrNotExist) {
			missing++
		}
		if r.File != "" {
			readings = append(readings, r)
		}
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	if err := a.writeReadings(f, readings); err != nil {
		return err
	}
	err := errors.Join(wrong...)
	if err != nil && missing == len(wrong) {
		return usage.Error{Err: err}
	}
	return err
}

func (a *app) writeReadings(f *flags, readings []logfile.Reading) error {
	if f.json {
		return table.JSON(a.stdout, readings)
	}
	shown := 0
	for _, r := range readings {
		if r.Outcome == console.Unreadable {
			continue // the error says so
		}
		if shown++; shown > 1 {
			fmt.Fprintln(a.stdout)
		}
		if err := r.Write(a.stdout); err != nil {
			return err
		}
	}
	return nil
}

// score compares what is read from a directory's logs with what is known of them.
func (a *app) score(ctx context.Context, f *flags, dir string) error {
	if info, err := os.Stat(dir); err != nil {
		return usage.Error{Err: err}
	} else if !info.IsDir() {
		return usage.Errorf("%s is not a directory; netstrip console %s reads one log", dir, dir)
	}
	s, err := truth.Dir(dir, func(log string) { a.progress.State("reading %s", report.Escape(log, 60)) })
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	case s.Logs == 0:
		return usage.Errorf("no NAME.log in %s has a NAME.json beside it; netstrip console --help describes it", dir)
	}
	if s.Speed, err = truth.Speed(dir); err != nil {
		return err
	}
	if f.json {
		err = table.JSON(a.stdout, s)
	} else {
		err = s.Write(a.stdout)
	}
	if err == nil && !s.Right() {
		err = differsError{fmt.Errorf("wrong readings of the logs in %s: %d", dir, len(s.Wrong))}
	}
	return err
}

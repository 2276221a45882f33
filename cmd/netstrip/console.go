package main

import (
	"context"
	"fmt"

	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/console/logfile"
	"github.com/netstrip/netstrip/vmtests/console/truth"
	"github.com/spf13/cobra"
)

func (a *app) consoleCommand() *cobra.Command {
	f, score := &flags{}, ""
	var c *cobra.Command
	c = command("console [FILE...]", cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault), func(ctx context.Context, files []string) error {
		a.progress = progress.New(a.stderr)
		if c.Flags().Changed("score") {
			return a.score(ctx, f, score, files)
		}
		readings, wrong := logfile.ReadAll(ctx, a.progress, files...)
		if readings == nil {
			return wrong
		}
		if err := a.write(f, readings); err != nil {
			return err
		}
		return wrong
	})
	f.add(c, "json")
	c.Flags().StringVar(&score, "score", "", "compare what is read from each log in `DIR` with the expected reading beside it")
	_ = c.MarkFlagDirname("score")
	return c
}

// score compares what is read from a directory's logs with what is known of them.
func (a *app) score(ctx context.Context, f *flags, dir string, files []string) error {
	if len(files) > 0 {
		return usage.Errorf("--score takes no FILE; unexpected: %q", files)
	}
	s, err := truth.Dir(ctx, dir, a.progress)
	if err == nil {
		err = a.write(f, s)
	}
	if err == nil && len(s.Wrong) > 0 {
		err = differsError{fmt.Errorf("wrong readings of the logs in %s: %d", dir, len(s.Wrong))}
	}
	return err
}

package main

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/bisect"
	"github.com/netstrip/netstrip/vmtests/target"
	"github.com/spf13/cobra"
)

// searching is what the commands bisect and minimize were asked.
type searching struct {
	flags
	good, bad            string
	probe, command, out  string
	program              string
	boot, each, minimize bool
	require              []string
	dryRun               bool
	options              bisect.Options
}

func (a *app) bisectCommand() *cobra.Command {
	f := &searching{}
	c := command("bisect --good A --bad B --probe ID", nil, func(ctx context.Context, _ []string) error { return a.bisect(ctx, f) })
	c.Flags().StringVar(&f.good, "good", "", "`KERNEL` on which it works")
	c.Flags().StringVar(&f.bad, "bad", "", "`KERNEL` on which it does not")
	c.Flags().StringVar(&f.probe, "probe", "", "`ID` of the probe, such as socket/unix/stream")
	c.Flags().BoolVar(&f.boot, "boot", false, "ask only whether the kernel boots to the end")
	c.Flags().StringVar(&f.command, "command", "", "`CMD` for a shell, with the kernel's path appended; exit code 0: works, 125: cannot tell, any other up to 127: does not work")
	complete(c, completeKernels, "good", "bad")
	complete(c, completeProbes, "probe")
	f.addSearching(c)
	return c
}

func (a *app) minimizeCommand() *cobra.Command {
	f := &searching{minimize: true}
	c := command("minimize --profile P --require ID,...", nil, func(ctx context.Context, _ []string) error { return a.minimize(ctx, f) })
	c.Flags().StringVar(&f.good, "profile", "", "`KERNEL` on which the probes work: a profile, a .config, a record or a key")
	c.Flags().StringSliceVar(&f.require, "require", nil, "`IDS` of the probes that must work")
	c.Flags().StringVarP(&f.out, "output", "o", "", "also write the fragment to `FILE`")
	c.Flags().BoolVar(&f.all, "all", false, "minimize the whole kernel, not only its network")
	c.Flags().BoolVar(&f.each, "each", false, "search for each probe separately, and make a table")
	complete(c, completeKernels, "profile")
	complete(c, completeProbes, "require")
	f.add(c, "markdown")
	f.addSearching(c)
	return c
}

func (f *searching) addSearching(c *cobra.Command) {
	c.Flags().StringVar(&f.program, "exec", "", "`COMMAND` for the guest, as of netstrip exec; exit code 0: works, 125: cannot tell, any other: does not work")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would be tried and how many kernels it takes; build none")
	c.Flags().BoolVar(&f.options.Anew, "anew", false, "discard the answers of an earlier identical search, and ask every kernel again")
	c.Flags().StringSliceVar(&f.options.Suspects, "suspect", nil, "`SYMBOL` to try first; repeatable")
	c.Flags().IntVar(&f.options.Repeat, "repeat", 1, "ask each kernel `N` times before its answer counts")
	f.add(c, "fragment", "json", "jobs", "quiet", "cache", "source", "results", "accel", "append", "strict")
}

func completeKernels(c *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	names, _ := completeProfiles(c, args, begin)
	return names, cobra.ShellCompDirectiveDefault // or a file
}

func (a *app) bisect(ctx context.Context, f *searching) error {
	if f.good == "" || f.bad == "" && len(f.Fragments) == 0 {
		return usage.Errorf("bisect takes --good and --bad; netstrip bisect --help has examples")
	}
	var err error
	if f.options.Question, err = bisect.Ask(f.probe, f.program, f.command, f.boot); err != nil {
		return err
	}
	if f.good, f.bad, err = target.Both(f.good, f.bad, f.Fragments...); err != nil {
		return err
	}
	return a.search(ctx, f, func(find *target.Finder) ([]*bisect.Driver, error) {
		return bisect.Between(ctx, find, f.options, f.good, f.bad)
	}, func(drivers []*bisect.Driver) error {
		b, err := drivers[0].Bisect(ctx)
		if err != nil {
			return err
		}
		return errors.Join(a.write(&f.flags, b), b.Err())
	})
}

func (a *app) minimize(ctx context.Context, f *searching) error {
	if f.good == "" || len(f.require) == 0 == (f.program == "") {
		return usage.Errorf("minimize takes --profile, and --require or --exec; netstrip minimize --help has examples")
	}
	if f.each && (f.out != "" || f.dryRun) || f.markdown != "" && !f.each {
		return usage.Errorf("--each cannot be combined with --output or --dry-run, and --markdown needs --each")
	}
	if err := bisect.Known(f.require...); err != nil {
		return err
	}
	var err error
	if f.good, err = target.With(f.good, f.Fragments...); err != nil {
		return err
	}
	f.options.Question = bisect.Require(f.require...)
	if f.program != "" {
		f.options.Question, f.require = bisect.Exec(f.program, true), []string{f.program}
	}
	groups := [][]string{f.require}
	if f.each {
		groups = slices.Collect(slices.Chunk(f.require, 1))
	}
	return a.search(ctx, f, func(find *target.Finder) ([]*bisect.Driver, error) {
		return bisect.Below(ctx, find, f.options, f.good, f.all, groups...)
	}, func(drivers []*bisect.Driver) error {
		var minima []bisect.Needs
		var doubts error
		for _, d := range drivers {
			m, err := d.Minimize(ctx)
			if err != nil {
				return err
			}
			minima, doubts = append(minima, m), errors.Join(doubts, m.Err())
		}
		a.progress.Clear()
		if f.each {
			return errors.Join(bisect.NeedsTable(minima).Write(a.stdout, f.format()), doubts)
		}
		if f.out != "" {
			if err := cache.WriteFile(f.out, []byte(minima[0].Fragment)); err != nil {
				return err
			}
		}
		return errors.Join(a.write(&f.flags, minima[0]), doubts)
	})
}

// search prepares searches for the question in the options, and runs them or shows the plan.
func (a *app) search(ctx context.Context, f *searching, prepare func(*target.Finder) ([]*bisect.Driver, error), solve func([]*bisect.Driver) error) error {
	if f.options.Repeat < 1 {
		return usage.Errorf("--repeat %d: want a number from 1", f.options.Repeat)
	}
	runner, err := f.options.Question.Runner(ctx, a.options(&f.flags), f.dryRun)
	if err != nil {
		return err
	}
	find := a.finder(&f.flags, runner.Builder())
	defer find.Close()
	f.options.Runner, f.options.Progress = runner, a.progress
	drivers, err := prepare(find)
	if err != nil {
		return err
	}
	if f.dryRun {
		p, err := drivers[0].Plan(ctx, f.minimize)
		if err != nil {
			return err
		}
		return a.write(&f.flags, p)
	}
	a.resume = process.Quote(slices.DeleteFunc(slices.Clone(os.Args), func(arg string) bool { return arg == "--anew" })...)
	return solve(drivers)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/bisect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/netstrip/netstrip/vmtests/target"
	"github.com/spf13/cobra"
)

// searching is what the commands bisect and minimize were asked.
type searching struct {
	comparing
	good, bad      string
	probe, command string
	boot           bool
	suspects       []string
	repeat         int
	dryRun, anew   bool
}

func (a *app) bisectCommand() *cobra.Command {
	f := &searching{}
	c := &cobra.Command{
		Use:  "bisect --good A --bad B --probe ID",
		RunE: func(c *cobra.Command, _ []string) error { return a.bisect(c.Context(), f) },
	}
	c.Flags().StringVar(&f.good, "good", "", "`KERNEL` on which it works")
	c.Flags().StringVar(&f.bad, "bad", "", "`KERNEL` on which it does not")
	c.Flags().StringVar(&f.probe, "probe", "", "`ID` of the probe, such as socket/unix/stream")
	c.Flags().BoolVar(&f.boot, "boot", false, "ask only whether the kernel boots to the end")
	c.Flags().StringVar(&f.command, "command", "", "`CMD` for a shell, with the kernel's path appended; exit code 0: works, 125: cannot say, else up to 127: does not work")
	for _, name := range []string{"good", "bad"} {
		_ = c.RegisterFlagCompletionFunc(name, completeKernels)
	}
	_ = c.RegisterFlagCompletionFunc("probe", completeProbes)
	f.add(c, "fragment")
	f.addSearching(c)
	return c
}

func (f *searching) addSearching(c *cobra.Command) {
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would be tried and how many kernels it takes; build none")
	c.Flags().BoolVar(&f.anew, "anew", false, "discard the answers of an earlier identical search, and ask every kernel again")
	c.Flags().StringSliceVar(&f.suspects, "suspect", nil, "`SYMBOL` to try first; repeatable")
	c.Flags().IntVar(&f.repeat, "repeat", 1, "ask each kernel `N` times before its answer counts")
	f.add(c, "json", "jobs", "quiet", "cache", "source", "results", "accel", "strict")
}

func completeKernels(c *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	names, _ := completeProfiles(c, args, begin)
	return names, cobra.ShellCompDirectiveDefault // or a file
}

// question returns what is asked of each kernel.
func (f *searching) question() (bisect.Question, error) {
	asked := 0
	for _, given := range []bool{f.probe != "", f.boot, f.command != ""} {
		if given {
			asked++
		}
	}
	if asked != 1 {
		return bisect.Question{}, usage.Errorf("give one of --probe ID, --boot and --command CMD; netstrip bisect --help has examples")
	}
	switch {
	case f.boot:
		return bisect.Boot(), nil
	case f.command != "":
		return bisect.Command(f.command), nil
	}
	return bisect.Probe(f.probe), knownProbes(f.probe)
}

func knownProbes(ids ...string) error {
	known, err := probeIDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.Contains(known, id) {
			return usage.Errorf("no such probe: %q; netstrip show and shell completion list them", id)
		}
	}
	return nil
}

// session is what a search works with.
type session struct {
	runner *run.Runner
	find   *target.Finder
}

// start makes a session, with its ends.
func (f *searching) start(ctx context.Context, a *app, q bisect.Question, kernels ...string) (*session, []*target.Target, error) {
	if f.repeat < 1 {
		return nil, nil, usage.Errorf("--repeat %d: want a number from 1", f.repeat)
	}
	o, err := a.runOptions(&f.flags)
	if err != nil {
		return nil, nil, err
	}
	if q.Boots() && !f.dryRun {
		if err := (record.Store{Path: f.results}).Check(); err != nil {
			return nil, nil, err
		}
		if err := run.Ready(); err != nil {
			return nil, nil, err
		}
	}
	if q.Apps() && !f.dryRun {
		all, err := apps.Load(ctx, "")
		if err != nil {
			return nil, nil, err
		}
		if err := o.UseApps(ctx, all); err != nil {
			return nil, nil, err
		}
	}
	runner, err := run.New(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	s := &session{runner: runner, find: a.finder(&f.flags, runner.Builder())}
	ends, notes, err := s.find.Ends(ctx, f.strict, kernels...)
	if a.note(notes); err != nil {
		s.find.Close()
	}
	return s, ends, err
}

func (a *app) bisect(ctx context.Context, f *searching) error {
	if f.good == "" || f.bad == "" && len(f.fragments) == 0 {
		return usage.Errorf("bisect takes --good and --bad; netstrip bisect --help has examples")
	}
	q, err := f.question()
	if err != nil {
		return err
	}
	if f.good, f.bad, err = target.Both(f.good, f.bad, f.fragments...); err != nil {
		return err
	}
	s, sides, err := f.start(ctx, a, q, f.good, f.bad)
	if err != nil {
		return err
	}
	defer s.find.Close()
	if !q.Boots() { // the command takes the .configs as they are
		for _, s := range sides {
			s.World = s.Own
		}
	}
	good, bad := "--good "+f.good, "--bad "+f.bad
	if len(configdiff.Of(sides[0].World, sides[1].World).Changes) == 0 {
		return target.Alike(sides[0], sides[1], good, bad)
	}
	o := f.options(a, s, q, target.Plain(f.good)+".."+target.Plain(f.bad), sides, target.ObjectTree(sides...))
	o.Guest = target.Guest(sides[0], sides[1])
	h := bisect.New(o)
	if f.dryRun {
		return a.plan(ctx, f, h, false)
	}
	a.resume = resumeLine()
	b, err := h.Bisect(ctx)
	if err != nil {
		return bisect.Ends(err, good, bad, o.Guest)
	}
	a.progress.Clear()
	if f.json {
		err = table.JSON(a.stdout, b)
	} else {
		err = b.Write(a.stdout, f.good, f.bad)
	}
	return errors.Join(err, doubted(b.Doubt))
}

func (f *searching) options(a *app, s *session, q bisect.Question, name string, sides []*target.Target, objectTree string) bisect.Options {
	return bisect.Options{
		Runner: s.runner, Kconfig: s.find.Kconfig, Name: name, First: sides[0].World, Last: sides[1].World,
		Question: q, Suspects: f.suspects, ObjectTree: objectTree, Repeat: f.repeat, Anew: f.anew, Progress: a.progress,
	}
}

// resumeLine is this command as it continues the search.
func resumeLine() string {
	return process.Quote(slices.DeleteFunc(slices.Clone(os.Args), func(arg string) bool { return arg == "--anew" })...)
}

// plan tells what a search would do.
func (a *app) plan(ctx context.Context, f *searching, h *bisect.Driver, minimize bool) error {
	p, err := h.Plan(ctx, minimize)
	if err != nil {
		return err
	}
	a.progress.Clear()
	if f.json {
		return table.JSON(a.stdout, p)
	}
	return p.Write(a.stdout)
}

func doubted(doubt string) error {
	if doubt == "" {
		return nil
	}
	return differsError{fmt.Errorf("not verified: %s", doubt)}
}

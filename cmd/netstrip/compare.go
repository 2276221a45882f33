package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/compare"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/netstrip/netstrip/vmtests/target"
	"github.com/spf13/cobra"
)

// comparing is what the command compare was asked.
type comparing struct {
	flags
	config, all bool
	boots       int
}

func (a *app) compareCommand() *cobra.Command {
	f := &comparing{}
	c := &cobra.Command{
		Use:               "compare A [B]",
		Args:              f.arguments,
		ValidArgsFunction: f.complete,
		RunE:              func(c *cobra.Command, args []string) error { return a.compare(c.Context(), f, args) },
	}
	f.add(c, "fragment")
	c.Flags().BoolVar(&f.config, "config", false, "compare only the .configs and the sizes of kernels")
	c.Flags().BoolVar(&f.all, "all", false, "list every symbol, with the reason for everything that followed")
	c.Flags().IntVar(&f.boots, "boots", 0, "make sure there are at least `N` boots of each")
	f.add(c, "json", "markdown", "results", "cache", "source", "accel", "strict", "quiet")
	return c
}

// arguments checks how many kernels are named: two, or one to which fragments are added.
func (f *comparing) arguments(_ *cobra.Command, args []string) error {
	if len(args) != 2 && (len(args) != 1 || len(f.fragments) == 0) {
		return usage.Errorf("compare takes two of profile, kernel, .config, key and record, and got %d; netstrip compare --help has examples", len(args))
	}
	return nil
}

// complete completes profiles, what show completes, and files.
func (f *comparing) complete(c *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, _ := completeProfiles(c, nil, begin)
	recorded, _ := f.completeRecords(c, nil, begin)
	return append(names, recorded...), cobra.ShellCompDirectiveDefault // or a file
}

// comparison is the answer as JSON.
type comparison struct {
	*compare.Comparison
	// Symbols are null where not both .configs are known.
	Symbols *configdiff.Division `json:"symbols"`
}

func (a *app) compare(ctx context.Context, f *comparing, args []string) error {
	if f.boots < 0 || f.config && f.boots > 0 {
		return usage.Errorf("--boots takes a number from 1, and does not go with --config")
	}
	first, second, err := target.Both(args[0], strings.Join(args[1:], ""), f.fragments...)
	if err != nil {
		return err
	}
	s, again := a.finder(&f.flags, nil), f.where()+f.sourceFlags()
	defer s.Close()
	both, err := a.pair(ctx, f, s, first, second)
	if err != nil {
		return err
	}
	c := comparison{Comparison: both.Compare()}
	if c.Least() < f.boots {
		if err := a.bootPair(ctx, f, s, both); err != nil {
			return err
		}
		c.Comparison = both.Compare()
	}
	c.Symbols, err = s.Symbols(ctx, both, f.strict, func(tried int) {
		a.progress.State("comparing %s with %s: %d .configs tried", first, second, tried)
	})
	switch {
	case err != nil && (f.config || f.strict || ctx.Err() != nil):
		return err
	case err != nil:
		both[0].Notes = append(both[0].Notes, fmt.Sprintf("the .configs cannot be compared: %v", err))
	}
	if !f.config {
		s.Hint(both, c.Comparison, again)
	}
	a.progress.Clear()
	if f.json {
		return table.JSON(a.stdout, c)
	}
	if c.Symbols == nil {
		_, err = fmt.Fprintf(a.stdout, "%s to %s: the .configs are not compared\n", report.Escape(first, 200), report.Escape(second, 200))
	} else {
		err = c.Symbols.Write(a.stdout, first, second, configdiff.Text{All: f.all, Markdown: f.markdown})
	}
	if err != nil {
		return err
	}
	return c.Write(a.stdout, f.markdown)
}

// finder returns what finds kernels by the names that the user has for them.
func (a *app) finder(f *flags, b *kbuild.Builder) *target.Finder {
	return &target.Finder{Results: f.results, Builder: b, Flags: f.sourceFlags(), Damaged: func(d []record.Damage) { a.tell(f.results, d) }}
}

// pair finds the two kernels. Where both are records of one series, and no source was named,
// it takes that series.
func (a *app) pair(ctx context.Context, f *comparing, s *target.Finder, names ...string) (both target.Pair, err error) {
	if err := s.Load(); err != nil {
		return both, err
	}
	named := [2][]record.Record{}
	for i, name := range names {
		if named[i], err = s.Named(name); err != nil {
			return both, err
		}
	}
	if src := f.source(); src.Series == "" && src.Path == "" && src.URL == "" && len(named[0]) > 0 && len(named[1]) > 0 &&
		named[0][0].Series == named[1][0].Series {
		f.series = named[0][0].Series
		s.Flags = f.sourceFlags()
	}
	if s.Builder, err = a.builder(ctx, &f.flags); s.Builder == nil {
		return both, err
	}
	s.NoSource = err
	for i, name := range names {
		if both[i], err = s.Find(ctx, name, named[i]); err != nil {
			return both, err
		}
		if f.config {
			both[i].Records = nil
		}
	}
	return both, nil
}

// bootPair boots both kernels as often as was asked for.
func (a *app) bootPair(ctx context.Context, f *comparing, s *target.Finder, both target.Pair) error {
	if s.NoSource != nil {
		return s.NoSource
	}
	o, err := a.runOptions(&f.flags)
	if err != nil {
		return err
	}
	o.InTurn = true
	runner, err := run.New(ctx, o)
	if err != nil {
		return err
	}
	return s.Boot(ctx, runner, both, f.boots)
}

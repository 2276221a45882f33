package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/netstrip/netstrip/vmtests/target"
)

// comparing is what the command compare was asked.
type comparing struct {
	flags
	config bool
	boots  int
}

func (a *app) compareCommand() *cobra.Command {
	f := &comparing{}
	c := command("compare A [B]", f.complete, func(ctx context.Context, args []string) error { return a.compare(ctx, f, args) })
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 2 && (len(args) != 1 || len(f.Fragments) == 0) {
			return usage.Errorf("compare takes two kernels (profile, image, .config, key or record), got %d; netstrip compare --help has examples", len(args))
		}
		return nil
	}
	f.add(c, "fragment", "json", "markdown", "results", "cache", "source", "accel", "strict", "quiet")
	c.Flags().BoolVar(&f.config, "config", false, "compare only the .configs and the sizes of kernels")
	c.Flags().BoolVar(&f.all, "all", false, "list every symbol, with the reason for everything that followed")
	c.Flags().IntVar(&f.boots, "boots", 0, "make sure there are at least `N` boots of each")
	return c
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

func (a *app) compare(ctx context.Context, f *comparing, args []string) error {
	if f.boots < 0 || f.config && f.boots > 0 {
		return usage.Errorf("--boots must be at least 1, and cannot be combined with --config")
	}
	first, second, err := target.Both(args[0], strings.Join(args[1:], ""), f.Fragments...)
	if err != nil {
		return err
	}
	s, again := a.finder(&f.flags, nil), f.where()+f.sourceFlags()
	defer s.Close()
	both, err := s.Pair(ctx, func(series, arch string, named bool) (*kbuild.Builder, string, error) {
		one := f.flags
		one.arch = cmp.Or(arch, f.arch)
		if o := f.source(); named || o.Path+o.URL == "" {
			one.series = cmp.Or(series, f.series)
		}
		b, err := kbuild.Open(ctx, one.cache, a.options(&one).Source)
		return b, one.sourceFlags(), err
	}, first, second)
	if err != nil {
		return err
	}
	c, err := s.Compare(ctx, both, target.CompareOptions{
		Config: f.config, Boots: f.boots, Flags: again,
		Tell: func(tried int) { a.progress.State("comparing %s with %s: %d .configs tried", first, second, tried) },
		Runner: func() (target.Booter, error) {
			o := a.options(&f.flags)
			o.InTurn = true
			return run.New(ctx, o)
		},
	})
	if err != nil {
		return err
	}
	a.progress.Clear()
	if f.json {
		return table.JSON(a.stdout, c)
	}
	if c.Symbols == nil && c.Across == nil {
		fmt.Fprintf(a.stdout, "%s to %s: the .configs are not compared\n", report.Escape(first, 200), report.Escape(second, 200))
	}
	return c.Write(a.stdout, configdiff.Text{All: f.all, Markdown: f.markdown != ""})
}

// finder returns what finds kernels by the names that the user has for them.
func (a *app) finder(f *flags, b *kbuild.Builder) *target.Finder {
	return &target.Finder{Results: a.results(f), Builder: b, Flags: f.sourceFlags(), Strict: f.strict, Note: a.note}
}

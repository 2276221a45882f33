package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/vmtests/compare"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/table"
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
	f.addFragments(c, "both kernels, or to a single kernel, to compare it with itself")
	c.Flags().BoolVar(&f.config, "config", false, "compare only the .configs and the sizes of kernels")
	c.Flags().BoolVar(&f.all, "all", false, "list every symbol, with the reason for everything that followed")
	c.Flags().IntVar(&f.boots, "boots", 0, "make sure there are at least `N` boots of each")
	c.Flags().BoolVar(&f.json, "json", false, "write one JSON object to standard output")
	c.Flags().BoolVar(&f.markdown, "markdown", false, "write Markdown")
	f.addResults(c)
	f.addCache(c)
	f.addSource(c)
	f.addAccel(c)
	f.addStrict(c)
	c.Flags().BoolVar(&f.quiet, "quiet", false, "show no progress")
	return c
}

// arguments checks how many kernels are named: two, or one to which fragments are added.
func (f *comparing) arguments(_ *cobra.Command, args []string) error {
	if len(args) != 2 && (len(args) != 1 || len(f.fragments) == 0) {
		return usagef("compare takes two of profile, kernel, .config, key and record, and got %d; netstrip compare --help has examples", len(args))
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
		return usagef("--boots takes a number from 1, and does not go with --config")
	}
	first, second, err := f.onBoth(args[0], strings.Join(args[1:], ""))
	if err != nil {
		return err
	}
	args = []string{first, second}
	s := &sides{}
	defer s.close()
	if err := a.findSides(ctx, f, args, s); err != nil {
		return err
	}
	c := comparison{Comparison: s.comparison()}
	if c.Least() < f.boots {
		if err := a.bootSides(ctx, f, s); err != nil {
			return err
		}
		c.Comparison = s.comparison()
	}
	if c.Symbols, err = a.symbols(ctx, f, s); err != nil {
		return err
	}
	if !f.config {
		s.hint(f, c.Comparison)
	}
	a.progress.Clear()
	if f.json {
		return table.JSON(a.stdout, c)
	}
	if c.Symbols == nil {
		_, err = fmt.Fprintf(a.stdout, "%s to %s: the .configs are not compared\n", report.Escape(args[0], 200), report.Escape(args[1], 200))
	} else {
		err = c.Symbols.Write(a.stdout, args[0], args[1], configdiff.Text{All: f.all, Markdown: f.markdown})
	}
	if err != nil {
		return err
	}
	return c.Write(a.stdout, f.markdown)
}

// symbols compares the .configs, where both are known. Where the .configs are all that
// was asked for, it is an error that they are not.
func (a *app) symbols(ctx context.Context, f *comparing, s *sides) (*configdiff.Division, error) {
	d, err := a.divide(ctx, s)
	if err == nil || f.config || f.strict || ctx.Err() != nil {
		return d, err
	}
	s.both[0].note("the .configs cannot be compared: %v", err)
	return nil, nil
}

func (a *app) divide(ctx context.Context, s *sides) (*configdiff.Division, error) {
	if s.noSource != nil {
		return nil, s.noSource
	}
	k, err := s.builder.Kconf(ctx)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	for _, one := range s.both {
		if err := one.settle(ctx, s.builder, k); err != nil {
			return nil, err
		}
		notes, err := one.heed(ctx, &s.flags, s.builder, k)
		if err != nil {
			return nil, err
		}
		one.Notes = append(one.Notes, notes...)
	}
	settled := 0
	x, y := s.both[0], s.both[1]
	d, err := configdiff.Between(ctx, x.own, y.own, func(ctx context.Context, text []byte) (map[string]kconf.Value, error) {
		settled++
		a.progress.State("comparing %s with %s: %d .configs tried", x.Name, y.Name, settled)
		return k.Values(ctx, kconf.OldDef, text)
	})
	if err != nil {
		return nil, err
	}
	v := d.Divide()
	v.Guest = d.Guest(x.world, y.world)
	return v, nil
}

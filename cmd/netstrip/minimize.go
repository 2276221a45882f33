package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/bisect"
	"github.com/netstrip/netstrip/vmtests/compare"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/netstrip/netstrip/vmtests/target"
	"github.com/spf13/cobra"
)

// minimizing is what the command minimize was asked.
type minimizing struct {
	searching
	require []string
	out     string
	all     bool
	each    bool
}

func (a *app) minimizeCommand() *cobra.Command {
	f := &minimizing{}
	c := &cobra.Command{
		Use:  "minimize --profile P --require ID,...",
		RunE: func(c *cobra.Command, _ []string) error { return a.minimize(c.Context(), f) },
	}
	c.Flags().StringVar(&f.good, "profile", "", "`KERNEL` on which the probes work: a profile, a .config, a record or a key")
	c.Flags().StringSliceVar(&f.require, "require", nil, "`IDS` of the probes that must work")
	c.Flags().StringVarP(&f.out, "output", "o", "", "also write the fragment to `FILE`")
	c.Flags().BoolVar(&f.all, "all", false, "minimize the whole kernel, not only its network")
	c.Flags().BoolVar(&f.each, "each", false, "search for each probe separately, and make a table")
	f.add(c, "markdown")
	_ = c.RegisterFlagCompletionFunc("profile", completeKernels)
	_ = c.RegisterFlagCompletionFunc("require", completeProbes)
	f.add(c, "fragment")
	f.addSearching(c)
	return c
}

func (a *app) minimize(ctx context.Context, f *minimizing) error {
	if f.good == "" || len(f.require) == 0 {
		return usage.Errorf("minimize takes --profile and --require; netstrip minimize --help has examples")
	}
	if f.each && (f.out != "" || f.dryRun) || f.markdown && !f.each {
		return usage.Errorf("--each makes a table of several fragments, as --json has them; --markdown goes with it, --output and --dry-run do not")
	}
	if err := knownProbes(f.require...); err != nil {
		return err
	}
	var err error
	if f.good, err = target.With(f.good, f.fragments...); err != nil {
		return err
	}
	s, sides, err := f.start(ctx, a, bisect.Require(f.require...), f.good)
	if err != nil {
		return err
	}
	defer s.find.Close()
	whole := sides[0]
	off, part := f.removable(whole.World)
	low, err := bisect.Strip(ctx, s.find.Kconfig, whole.World, off)
	if err != nil {
		return err
	}
	ends := []*target.Target{{Side: &compare.Side{Name: "without " + part}, World: low}, whole}
	a.resume = resumeLine()
	var minima []bisect.Needs
	for _, ids := range f.groups() {
		h := bisect.New(f.options(a, s, bisect.Require(ids...), leastName(f.good, ids), ends, target.ObjectTree(whole)))
		if f.dryRun {
			return a.plan(ctx, &f.searching, h, true)
		}
		m, err := h.Minimize(ctx)
		if err != nil {
			return bisect.Ends(err, f.good+" without "+part, "--profile "+f.good, nil)
		}
		m.Fragment = m.Title(part, f.good, ids) + m.Fragment
		minima = append(minima, m)
	}
	return a.showMinima(f, minima)
}

// leastName names a search, and so its records: by the probes, or how many they are.
func leastName(kernel string, ids []string) string {
	what := strings.ReplaceAll(strings.Join(ids, ","), "/", "-")
	if len(what) > 60 {
		what = fmt.Sprintf("%d-probes", len(ids))
	}
	return "least-of-" + target.Plain(kernel) + "-for-" + what
}

// groups are what is searched for: all that is required at once, or each by itself.
func (f *minimizing) groups() [][]string {
	if f.each {
		return slices.Collect(slices.Chunk(f.require, 1))
	}
	return [][]string{f.require}
}

func (a *app) showMinima(f *minimizing, minima []bisect.Needs) error {
	a.progress.Clear()
	var all error
	for _, m := range minima {
		all = errors.Join(all, doubted(m.Doubt))
	}
	if f.out != "" {
		if err := cache.WriteFile(f.out, []byte(minima[0].Fragment)); err != nil {
			return err
		}
	}
	var err error
	switch {
	case f.each:
		err = bisect.NeedsTable(minima).Write(a.stdout, f.format())
	case f.json:
		err = table.JSON(a.stdout, minima[0])
	default:
		_, err = io.WriteString(a.stdout, minima[0].Fragment)
	}
	return errors.Join(err, all)
}

// removable returns the symbols to be switched off at first, and what they are called.
func (f *minimizing) removable(w *explain.ConfigState) (off []string, part string) {
	if f.all {
		return bisect.Everything(w), "all that can go"
	}
	return []string{"NET"}, "the network"
}

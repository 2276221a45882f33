package main

import (
	"context"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/delta"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/spf13/cobra"
)

// comparing is what the command compare was asked.
type comparing struct {
	flags
	config, all bool
}

func (a *app) compareCommand() *cobra.Command {
	f := &comparing{}
	c := &cobra.Command{
		Use:   "compare --config A B",
		Short: "Say in which symbols and sizes two kernels differ, and what led to what",
		Long: `Compares two kernels by their final .configs. A and B are profiles, files that are
.configs (with what the guest needs, as build makes of them), or the beginnings of
the keys of kernels in the cache.

What differs is divided into what was asked for, which is as little as makes B's
.config of A's, and what followed from it. The kernel's own Kconfig code is asked for
that; no kernel is built. Sizes are those of kernels that were built before.`,
		Example: `  netstrip compare --config full no-net
  netstrip compare --config defconfig defconfig-no-net --all
  netstrip compare --config full mine.config --markdown > difference.md
  netstrip compare --config --json full no-net | jq -r '.symbols.asked[].symbol'`,
		Args: func(_ *cobra.Command, args []string) error {
			if !f.config {
				return usagef("compare compares kernels: netstrip compare --config A B; --help has examples")
			}
			if len(args) != 2 {
				return usagef("compare takes two of profile, .config and key, and got %d; netstrip compare --help has examples", len(args))
			}
			return nil
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			names, _ := completeProfiles(c, args, begin)
			return names, cobra.ShellCompDirectiveDefault // or a file
		},
		RunE: func(c *cobra.Command, args []string) error {
			return a.compare(c.Context(), f, args)
		},
	}
	c.Flags().BoolVar(&f.config, "config", false, "compare the .configs and the sizes of kernels")
	c.Flags().BoolVar(&f.all, "all", false, "leave nothing out, and give the reason for everything that followed")
	c.Flags().BoolVar(&f.json, "json", false, "write one JSON object to standard output")
	c.Flags().BoolVar(&f.markdown, "markdown", false, "write tables as Markdown")
	f.addCache(c)
	f.addSource(c)
	c.Flags().BoolVar(&f.quiet, "quiet", false, "show no progress")
	return c
}

// side is one of the two kernels compared. The first fields are its JSON.
type side struct {
	Name string `json:"name"`
	// Kernel is there once the kernel has been built.
	Kernel *kbuild.Kernel `json:"kernel"`
	// Notes are what is to be known about what it is, and how to get what is not.
	Notes []string `json:"notes"`

	req   *kconfigs.Request // of a profile
	world *explain.World
}

// comparison is both as JSON.
type comparison struct {
	A       *side           `json:"a"`
	B       *side           `json:"b"`
	Symbols *delta.Division `json:"symbols"`
	// Directories are empty unless the sizes of both are known by directory.
	Directories []sizesOf `json:"directories"`
}

func (a *app) compare(ctx context.Context, f *comparing, args []string) error {
	b, err := a.builder(ctx, &f.flags)
	if err != nil {
		return err
	}
	sides := [2]*side{}
	for i, arg := range args {
		if sides[i], err = f.find(ctx, b, arg); err != nil {
			return err
		}
	}
	k, err := b.Kconf(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	for _, s := range sides {
		if err := s.settle(ctx, b, k); err != nil {
			return err
		}
	}
	settled := 0
	d, err := delta.Between(ctx, sides[0].world, sides[1].world, func(ctx context.Context, text []byte) (map[string]kconf.Value, error) {
		settled++
		a.progress.State("comparing %s with %s: %d .configs tried", args[0], args[1], settled)
		return k.Values(ctx, kconf.OldDef, text)
	})
	if err != nil {
		return err
	}
	a.progress.Clear()
	c := comparison{sides[0], sides[1], d.Divide(), directories(sides[0].Kernel, sides[1].Kernel)}
	if f.json {
		return report.JSON(a.stdout, c)
	}
	if err := c.Symbols.Write(a.stdout, args[0], args[1], delta.Text{All: f.all, Markdown: f.markdown}); err != nil {
		return err
	}
	return c.writeSizes(a.stdout, f.markdown)
}

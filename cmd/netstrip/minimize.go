package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/vmtests/contrast"
	"github.com/netstrip/netstrip/vmtests/hunt"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/spf13/cobra"
)

// minimizing is what the command minimize was asked.
type minimizing struct {
	searching
	require []string
	out     string
	all     bool
}

func (a *app) minimizeCommand() *cobra.Command {
	f := &minimizing{}
	c := &cobra.Command{
		Use:   "minimize --profile P --require ID,...",
		Short: "Find the least part of the network that some probes need",
		Long: `Takes the network out of a kernel and finds the least set of its symbols with which
the probes work again: from what is left none can be taken away, each of which has
been booted. The result is a fragment, with the probe that fails without it beside
every symbol.

With --all not only the network counts, but every symbol of the kernel that the guest
itself can do without.

Each answer is kept at once in search/ beside the results file. To go on with a
search that was interrupted, give the same command again.`,
		Example: `  netstrip minimize --profile full --require socket/tcp4/loopback
  netstrip minimize --profile full --require socket/unix/stream,netns/unshare -o least.config
  netstrip minimize --profile full+apps --require app/redis/unix
  netstrip minimize --profile full --require socket/tcp4/loopback --all --dry-run
  netstrip minimize --profile mine.config --require socket/http/loopback --json | jq -r '.kept[].change'`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.minimize(c.Context(), f)
		},
	}
	c.Flags().StringVar(&f.good, "profile", "", "`KERNEL` on which the probes work: a profile, a .config, a record or a key")
	c.Flags().StringSliceVar(&f.require, "require", nil, "`IDS` of the probes that must work")
	c.Flags().StringVarP(&f.out, "output", "o", "", "write the fragment to `FILE` too")
	c.Flags().BoolVar(&f.all, "all", false, "take away from the whole kernel, and not from its network alone")
	_ = c.RegisterFlagCompletionFunc("profile", completeKernels)
	_ = c.RegisterFlagCompletionFunc("require", completeProbes)
	f.addSearching(c)
	return c
}

func (a *app) minimize(ctx context.Context, f *minimizing) error {
	if f.good == "" || len(f.require) == 0 {
		return usagef("minimize takes --profile and --require; netstrip minimize --help has examples")
	}
	if err := knownProbes(f.require...); err != nil {
		return err
	}
	q := hunt.Require(f.require...)
	s, sides, err := f.start(ctx, a, q, f.good)
	if err != nil {
		return err
	}
	defer s.kconfig.Close()
	whole := sides[0]
	off, part := f.removable(whole.world)
	low, err := hunt.Strip(ctx, s.kconfig, whole.world, off)
	if err != nil {
		return err
	}
	ends := []*side{{Side: &contrast.Side{Name: "without " + part}, world: low}, whole}
	h := hunt.New(f.options(a, s, q, "least-of-"+plainName(f.good), ends, beside(whole)))
	if f.dryRun {
		return a.plan(ctx, &f.searching, h, true)
	}
	a.resume = quotedArgs()
	m, err := h.Minimise(ctx)
	if err != nil {
		return endsOf(err, f.good+" without "+part, "--profile "+f.good)
	}
	m.Fragment = f.title(m, part) + m.Fragment
	a.progress.Clear()
	if f.out != "" {
		if err := cache.WriteFile(f.out, []byte(m.Fragment)); err != nil {
			return err
		}
	}
	if f.json {
		err = report.JSON(a.stdout, m)
	} else {
		_, err = io.WriteString(a.stdout, m.Fragment)
	}
	return errors.Join(err, doubted(m.Doubt))
}

// removable gives the symbols to be switched off at first, and what they are called.
func (f *minimizing) removable(w *explain.World) (off []string, part string) {
	if f.all {
		return hunt.Everything(w), "all that can go"
	}
	return []string{"NET"}, "the network"
}

// title says at the head of the fragment what it is.
func (f *minimizing) title(m hunt.Minimum, part string) string {
	proof := "Each symbol was taken away and the kernel booted without it."
	if m.Doubt != "" {
		proof = "NOT VERIFIED: " + m.Doubt + "."
	}
	return fmt.Sprintf(`# The least of %s, of %s, with which these work:
# %s.
# %d of %d symbols are needed. %s
# Found with %s.
`, part, f.good, strings.Join(f.require, ", "), len(m.Kept), m.Tried, proof, m.Cost)
}

func plainName(name string) string {
	return strings.TrimSuffix(name[strings.LastIndex(name, "/")+1:], ".config")
}

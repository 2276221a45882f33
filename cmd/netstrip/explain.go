package main

import (
	"context"
	"strings"
	"time"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/explanation"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

func (a *app) explainCommand() *cobra.Command {
	f, o := &flags{}, explanation.Options{Expected: expect.Expected}
	c := &cobra.Command{
		Use: "explain SYMBOL|PROBE|PATH|ERROR...",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage.Errorf("explain takes a symbol, such as NET; netstrip explain --help has examples")
			}
			return nil
		},
		ValidArgsFunction: f.completeSymbols,
		RunE: func(c *cobra.Command, args []string) error {
			o.Args = args
			return a.explain(c.Context(), f, o)
		},
	}
	f.add(c, "json", "cache", "source", "config", "fragment", "override")
	c.Flags().StringVar(&o.Against, "against", "", "`PROFILE` whose probes to compare with what the Kconfig files say")
	c.Flags().BoolVar(&o.Check, "check", false, "compare what can never be set with what Kconfig does when the symbol is off")
	f.add(c, "quiet")
	// The name of the flag is right, which is all that is checked.
	_ = c.RegisterFlagCompletionFunc("against", completeProfiles)
	return c
}

func (a *app) explain(ctx context.Context, f *flags, o explanation.Options) error {
	o.Builder = func() (*kbuild.Builder, error) { return a.builder(ctx, f) }
	req, err := f.configRequest()
	if err != nil {
		return err
	}
	if f.config.Given() {
		o.Request = &req
	}
	all, err := explanation.Explain(ctx, o)
	if err != nil {
		return err
	}
	a.progress.Clear()
	if f.json {
		return table.JSON(a.stdout, all)
	}
	return all.Write(a.stdout)
}

// builder returns a builder. If only the source is missing, it returns both that error and a
// builder for everything that needs no source.
func (a *app) builder(ctx context.Context, f *flags) (*kbuild.Builder, error) {
	o, err := a.runOptions(f)
	if err != nil {
		return nil, err
	}
	if o.Source.Cache, err = cache.Open(f.cache); err != nil {
		return nil, err
	}
	o.Source.Progress = a.progress
	src, err := kbuild.OpenSource(ctx, o.Source)
	return &kbuild.Builder{Cache: o.Source.Cache, Source: src, Progress: a.progress}, err
}

// completeSymbols completes what it can in a second, once a kernel has been built: to
// unpack the source and compile its Kconfig code takes longer than a person waits for.
func (f *flags) completeSymbols(c *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	ctx, stop := context.WithTimeout(c.Context(), time.Second)
	defer stop()
	o := f.source()
	var err error
	if o.Cache, err = cache.Open(f.cache); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	_, k := kbuild.Quick(ctx, o)
	if k == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer k.Close()
	known, _ := k.Symbols()
	var names []string
	for _, s := range known {
		if strings.HasPrefix(s.Name, strings.ToUpper(begin)) && !strings.HasPrefix(s.Name, "choice ") {
			names = append(names, s.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

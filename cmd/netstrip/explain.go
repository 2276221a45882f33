package main

import (
	"context"
	"errors"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/explanation"
	"github.com/spf13/cobra"
)

func (a *app) explainCommand() *cobra.Command {
	f, o := &flags{}, explanation.Options{Expected: expect.Expected}
	c := command("explain SYMBOL|PROBE|PATH|ERROR...", f.completeSymbols, func(ctx context.Context, args []string) error {
		o.Args = args
		return a.explain(ctx, f, o)
	})
	f.several = true
	f.add(c, "json", "cache", "source", "config", "fragment", "override", "quiet")
	c.Flags().StringVar(&o.Against, "against", "", "`PROFILE` whose probes to compare with what the Kconfig files say")
	c.Flags().BoolVar(&o.Check, "check", false, "compare what can never be set with what Kconfig does when the symbol is off")
	_ = c.RegisterFlagCompletionFunc("against", completeProfiles) // fails only if there is no such flag
	return c
}

func (a *app) explain(ctx context.Context, f *flags, o explanation.Options) error {
	if len(o.Args) == 0 {
		return usage.Errorf("explain takes a symbol, such as NET; netstrip explain --help has examples")
	}
	req, of, err := f.RequestFor(ctx, f.cache, a.options(f).Source, f.config)
	f.arch = of
	if err != nil {
		return err
	}
	if f.config.Given() {
		o.Request = &req
	}
	o.Cache, o.Source = f.cache, a.options(f).Source
	all, err := explanation.Explain(ctx, o)
	if all == nil {
		return err
	}
	return errors.Join(a.write(f, all), err)
}

package main

import (
	"context"
	"errors"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/explanation"
	"github.com/spf13/cobra"
)

func (a *app) explainCommand() *cobra.Command {
	f, o := &flags{}, explanation.Options{Expected: expect.Expected}
	c := command("explain SYMBOL|PROBE|PATH|ERROR...", f.completeSymbols, func(ctx context.Context, args []string) error {
		o.Args, o.Builder = args, func() (*kbuild.Builder, error) { return a.builder(ctx, f) }
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
	req, err := f.configRequest()
	if err != nil {
		return err
	}
	if f.config.Given() {
		o.Request = &req
	}
	kernels, err := a.kernels(ctx, f)
	if err != nil {
		return err
	}
	if len(kernels) > 1 {
		all, err := explanation.ExplainSeveral(ctx, o, kernels)
		if all == nil {
			return err
		}
		return errors.Join(a.write(f, all), err)
	}
	all, err := explanation.Explain(ctx, o)
	if err != nil {
		return err
	}
	return a.write(f, all)
}

// kernels returns the kernels that lists of series and architectures name.
func (a *app) kernels(ctx context.Context, f *flags) (all []explanation.Kernel, err error) {
	each, err := f.each()
	for _, one := range each {
		of, err := arch.Parse(one.arch)
		if err != nil {
			return nil, err
		}
		name := one.series
		switch {
		case !strings.Contains(f.series, ","):
			name = of.Name
		case strings.Contains(f.arch, ","):
			name += "-" + of.Name
		}
		all = append(all, explanation.Kernel{
			Name: name, Series: one.source().Series, Arch: of.Name,
			Builder: func() (*kbuild.Builder, error) { return a.builder(ctx, &one) },
		})
	}
	return all, err
}

// builder returns what kbuild.Open does.
func (a *app) builder(ctx context.Context, f *flags) (*kbuild.Builder, error) {
	o := a.options(f).Source
	o.Progress = a.progress
	return kbuild.Open(ctx, f.cache, o)
}

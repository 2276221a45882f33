package main

import (
	"context"
	"errors"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/explanation"
	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	f, want := &flags{}, ""
	c := command("check --want FILE [--config FILE | --profile PROFILE]", nil, func(ctx context.Context, _ []string) error { return a.check(ctx, f, want) })
	f.several = true
	f.add(c, "json", "cache", "source", "config", "fragment", "override", "quiet")
	c.Flags().StringVar(&want, "want", "", "`FILE` that lists the wanted symbols")
	return c
}

func (a *app) check(ctx context.Context, f *flags, want string) error {
	switch {
	case want == "":
		return usage.Errorf("check takes --want FILE, a list of wanted symbols; netstrip check --help has examples")
	case !f.config.Given():
		return usage.Errorf("check takes a config: --config FILE or --profile PROFILE")
	}
	wanted, err := explain.ReadWanted(want)
	if err != nil {
		return err
	}
	req, of, err := f.RequestFor(ctx, f.cache, a.options(f).Source, f.config)
	f.arch = of
	if err != nil {
		return err
	}
	found, missing, err := explanation.Check(ctx, explanation.Options{Cache: f.cache, Source: a.options(f).Source}, req, wanted)
	if found != nil {
		err = errors.Join(a.write(f, found), err)
	}
	if missing != "" {
		err = errors.Join(err, differsError{errors.New(missing)})
	}
	return err
}

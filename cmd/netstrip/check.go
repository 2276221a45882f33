package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
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
	req, err := f.configRequest()
	if err != nil {
		return err
	}
	kernels, err := a.kernels(ctx, f)
	if err != nil {
		return err
	}
	if len(kernels) > 1 {
		return a.checkSeveral(ctx, f, req, wanted, kernels)
	}
	b, err := a.builder(ctx, f)
	if err != nil {
		return err
	}
	found, err := explanation.Check(ctx, b, req, wanted)
	if err == nil {
		err = a.write(f, found)
	}
	if err == nil && found.Missing > 0 {
		err = differsError{fmt.Errorf("%d of %d wanted symbols are missing in %s", found.Missing, len(wanted), req.Profile)}
	}
	return err
}

func (a *app) checkSeveral(ctx context.Context, f *flags, req kconfigs.Request, wanted []explain.Wanted, kernels []explanation.Kernel) error {
	found, err := explanation.CheckSeveral(ctx, req, wanted, kernels)
	if found == nil {
		return err
	}
	if missing := found.Missing(); missing != nil {
		err = errors.Join(err, differsError{fmt.Errorf("wanted symbols are missing in %s on %s", req.Profile, strings.Join(missing, ", "))})
	}
	return errors.Join(a.write(f, found), err)
}

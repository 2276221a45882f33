package main

import (
	"context"
	"fmt"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	f, want := &flags{}, ""
	c := &cobra.Command{
		Use:  "check --want FILE [--config FILE | --profile PROFILE]",
		RunE: func(c *cobra.Command, _ []string) error { return a.check(c.Context(), f, want) },
	}
	f.add(c, "json", "cache", "source", "config", "fragment", "override")
	c.Flags().StringVar(&want, "want", "", "`FILE` that lists the wanted symbols")
	f.add(c, "quiet")
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
	b, err := a.builder(ctx, f)
	if err != nil {
		return err
	}
	k, err := b.Kconf(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	w, err := b.ConfigState(ctx, k, req)
	if err != nil {
		return err
	}
	found, err := w.List(req.Profile, b.Source.Series(), wanted, func(symbol string) { a.progress.State("seeking what %s takes", symbol) })
	if err != nil {
		return err
	}
	a.progress.Clear()
	if f.json {
		err = table.JSON(a.stdout, found)
	} else {
		err = found.Write(a.stdout)
	}
	if err == nil && found.Missing > 0 {
		err = differsError{fmt.Errorf("%d of %d wanted symbols are missing in %s", found.Missing, len(wanted), req.Profile)}
	}
	return err
}

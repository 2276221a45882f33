package main

import (
	"context"
	"fmt"

	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/spf13/cobra"
)

func (a *app) profilesCommand() *cobra.Command {
	f := &flags{}
	c := command("profiles", nil, func(ctx context.Context, _ []string) error {
		profiles := kbuild.Profiles(ctx, f.cache, f.source())
		err := rows(profiles, kbuild.Listed.Cells, "PROFILE", "BUILT", "HYPOTHESIS").Write(a.stdout, f.format())
		if err != nil || f.json {
			return err
		}
		fmt.Fprintln(a.stdout)
		return rows(profiles, kbuild.Listed.Origin, "PROFILE", "START", "FRAGMENTS, KERNEL ARGUMENTS").Write(a.stdout, f.format())
	})
	f.add(c, "json", "cache", "source")
	return c
}

func (a *app) buildCommand() *cobra.Command {
	f := &flags{}
	c := command("build [PROFILE...]", completeProfiles, func(ctx context.Context, names []string) error { return a.build(ctx, f, names) })
	f.add(c, "json", "cache", "source", "fragment", "override", "configs", "strict", "kernel", "jobs", "quiet")
	return c
}

func (a *app) build(ctx context.Context, f *flags, names []string) error {
	profiles, of, err := f.For(ctx, f.cache, a.options(f).Source, names...)
	f.arch = of
	if err != nil {
		return err
	}
	runner, err := run.New(ctx, a.options(f))
	if err != nil {
		return err
	}
	if err := a.heed(ctx, runner.Builder(), profiles, f.strict); err != nil {
		return err
	}
	kernels, err := runner.Build(ctx, profiles)
	if err != nil {
		return err
	}
	a.progress.Clear()
	built := make([]kbuild.Built, len(kernels))
	for i, k := range kernels {
		built[i] = kbuild.Built{Profile: profiles[i].Name, Image: k.Image, Config: k.Config, Cached: k.Cached, Kernel: k}
	}
	return rows(built, kbuild.Built.Cells, "PROFILE", "VERSION", "IMAGE", "BUILT", "FILE").Write(a.stdout, f.format())
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

func (a *app) profilesCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:  "profiles",
		RunE: func(c *cobra.Command, _ []string) error { return a.listProfiles(c.Context(), f) },
	}
	f.add(c, "json", "cache", "source")
	return c
}

func (a *app) listProfiles(ctx context.Context, f *flags) error {
	list := kbuild.Profiles(ctx, f.cache, f.source())
	t := table.Table{Head: []string{"PROFILE", "BUILT", "HYPOTHESIS"}, Value: list}
	from := table.Table{Head: []string{"PROFILE", "START", "FRAGMENTS, KERNEL ARGUMENTS"}}
	for _, l := range list {
		t.Add(l.Name, builtText(l.Built), l.Hypothesis)
		from.Add(l.Name, l.Start, cmp.Or(strings.Join(append(l.Fragments, l.Args...), " "), "-"))
	}
	if err := t.Write(a.stdout, f.format()); err != nil || f.json {
		return err
	}
	fmt.Fprintln(a.stdout)
	return from.Write(a.stdout, f.format())
}

func builtText(b *bool) string {
	switch {
	case b == nil:
		return "?"
	case *b:
		return "yes"
	}
	return "no"
}

func (a *app) buildCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:               "build [PROFILE...]",
		ValidArgsFunction: completeProfiles,
		RunE:              func(c *cobra.Command, args []string) error { return a.build(c.Context(), f, args) },
	}
	f.add(c, "json", "cache", "source", "fragment", "override", "configs", "strict", "kernel", "jobs", "quiet")
	return c
}

// built is a kernel as JSON.
type built struct {
	Profile string `json:"profile"`
	Image   string `json:"image"`
	Config  string `json:"config"`
	Cached  bool   `json:"cached"`
	*kbuild.Kernel
}

func (a *app) build(ctx context.Context, f *flags, names []string) error {
	o, err := a.runOptions(f)
	if err != nil {
		return err
	}
	profiles, err := f.profiles(names)
	if err != nil {
		return err
	}
	runner, err := run.New(ctx, o)
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
	list := make([]built, len(kernels))
	for i, k := range kernels {
		list[i] = built{profiles[i].Name, k.Image, k.Config, k.Cached, k}
	}
	return builtTable(list).Write(a.stdout, f.format())
}

func builtTable(list []built) table.Table {
	t := table.Table{Head: []string{"PROFILE", "VERSION", "IMAGE", "BUILT", "FILE"}, Value: list}
	for _, b := range list {
		how := fmt.Sprintf("%d objects, %.0f CPU s, in %.0f s", b.Objects, b.CPUSeconds, b.WallSeconds)
		if b.CacheHits > 0 {
			how += fmt.Sprintf(", %d from ccache", b.CacheHits)
		}
		if b.Cached {
			how = "before"
		}
		t.Add(b.Profile, cmp.Or(b.Version, "?"), fmt.Sprintf("%.2f MiB", float64(b.ImageBytes)/(1<<20)), how, b.Kernel.Image)
	}
	return t
}

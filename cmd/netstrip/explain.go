package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/spf13/cobra"
)

// explaining is what the command explain was asked.
type explaining struct {
	flags
	profile string
	check   bool
}

func (a *app) explainCommand() *cobra.Command {
	f := &explaining{}
	c := &cobra.Command{
		Use:   "explain SYMBOL...",
		Short: "Say what a kernel symbol needs, who switches it on, and what goes with it",
		Long: `Says of each symbol, NET or CONFIG_NET or net, what it is, what it depends on, which
symbols select it and which can never be set without it. The answers are those of
the kernel's own Kconfig code; no kernel is built.

With --profile it says besides what the symbol is in that profile's kernel, and why.
With --check it switches everything on, once with and once without the symbol, and
explains each difference between what goes then and what can never be set.`,
		Example: `  netstrip explain UNIX
  netstrip explain VIRTIO_NET --profile no-net
  netstrip explain NFS_FS --profile no-inet --fragment mine.config
  netstrip explain --check INET
  netstrip explain --json NET | jq -r '.[].without.gone[]'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("explain takes a symbol, such as NET; netstrip explain --help has examples")
			}
			return nil
		},
		ValidArgsFunction: f.completeSymbols,
		RunE: func(c *cobra.Command, args []string) error {
			return a.explain(c.Context(), f, args)
		},
	}
	f.addJSON(c)
	f.addCache(c)
	f.addSource(c)
	c.Flags().StringVar(&f.profile, "profile", "", "`PROFILE` whose values to explain")
	c.Flags().StringArrayVar(&f.fragments, "fragment", nil, "`FILE` of Kconfig lines to add to the profile; may be given again")
	c.Flags().BoolVar(&f.check, "check", false, "compare what can never be set with what the kernel's own code does")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "show no progress")
	// The name of the flag is right, which is all that is checked.
	_ = c.RegisterFlagCompletionFunc("profile", completeProfiles)
	return c
}

func (a *app) explain(ctx context.Context, f *explaining, args []string) error {
	req, err := f.request()
	if err != nil {
		return err
	}
	b, err := a.builder(ctx, &f.flags)
	if err != nil {
		return err
	}
	k, err := b.Kconf(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	w, err := f.world(ctx, b, k, req)
	if err != nil {
		return err
	}
	names, err := symbolNames(w.Tree, args)
	if err != nil {
		return err
	}
	all := make([]explain.Explanation, len(names))
	for i, name := range names {
		all[i] = w.Explain(req.Profile, name)
		if !f.check {
			continue
		}
		a.progress.State("checking %s", name)
		check, err := w.Check(ctx, name, func(ctx context.Context, text []byte) (map[string]kconf.Value, error) {
			return k.Values(ctx, kconf.AllYes, text)
		})
		if err != nil {
			return err
		}
		all[i].Check = &check
	}
	a.progress.Clear()
	if f.json {
		return report.JSON(a.stdout, all)
	}
	for i, e := range all {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		if err := e.Write(a.stdout); err != nil {
			return err
		}
	}
	return nil
}

// request gives that of the profile; without one it is empty.
func (f *explaining) request() (kconfigs.Request, error) {
	if f.profile == "" {
		if len(f.fragments) > 0 {
			return kconfigs.Request{}, usagef("--fragment adds to a profile: name one with --profile")
		}
		return kconfigs.Request{}, nil
	}
	profiles, err := f.profiles([]string{f.profile})
	if err != nil {
		return kconfigs.Request{}, err
	}
	req, err := profiles[0].Request()
	if err == nil && req.Prebuilt != nil {
		err = usagef("--profile %s: a kernel that was built elsewhere has no request to explain", f.profile)
	}
	return req, err
}

func (a *app) builder(ctx context.Context, f *flags) (*kbuild.Builder, error) {
	o, err := a.rigOptions(f)
	if err != nil {
		return nil, err
	}
	if o.Source.Cache, err = cache.Open(f.cache); err != nil {
		return nil, err
	}
	o.Source.Progress = a.progress
	src, err := kbuild.OpenSource(ctx, o.Source)
	if err != nil {
		return nil, err
	}
	return &kbuild.Builder{Cache: o.Source.Cache, Source: src, Progress: a.progress}, nil
}

// world gives the symbols, with their values where a profile was named.
func (f *explaining) world(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig, req kconfigs.Request) (*explain.World, error) {
	if f.profile != "" {
		return b.World(ctx, k, req)
	}
	symbols, err := k.Symbols()
	if err != nil {
		return nil, err
	}
	return &explain.World{Tree: explain.NewTree(symbols)}, nil
}

// symbolNames gives the symbols meant: with or without CONFIG_, in capitals or not.
func symbolNames(t *explain.Tree, args []string) ([]string, error) {
	known, folded := map[string]bool{}, map[string]string{}
	for _, name := range t.Names() {
		known[name], folded[strings.ToUpper(name)] = true, name
	}
	var req kconfigs.Request
	for _, arg := range args {
		name := strings.TrimPrefix(strings.ToUpper(arg), "CONFIG_")
		if as, ok := folded[name]; ok {
			name = as
		}
		req.Settings = append(req.Settings, kconfigs.Setting{Symbol: name})
	}
	if err := req.CheckKnown(known); err != nil {
		return nil, err
	}
	var names []string
	for _, s := range req.Settings {
		names = append(names, s.Symbol)
	}
	return names, nil
}

// completeSymbols completes the names that are in the cache since a kernel was built:
// to read the source would take longer than a person waits for.
func (f *explaining) completeSymbols(c *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	none := cobra.ShellCompDirectiveNoFileComp
	store, err := cache.Open(f.cache)
	if err != nil {
		return nil, none
	}
	o := f.source()
	o.Cache = store
	src, err := kbuild.OpenSource(c.Context(), o)
	if err != nil || !store.Has("symbols", src.ID) {
		return nil, none
	}
	known, err := src.Symbols(c.Context())
	if err != nil {
		return nil, none
	}
	var names []string
	for name := range known {
		if strings.HasPrefix(name, strings.ToUpper(begin)) {
			names = append(names, name)
		}
	}
	return names, none
}

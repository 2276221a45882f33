package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
)

// explaining is what the command explain was asked.
type explaining struct {
	flags
	configured
	against string
	check   bool
}

// explained is an explanation, with what was found where it was to be held against that.
type explained struct {
	explain.Explanation
	// Symptoms are those that were asked about and that the symbol stands behind.
	Symptoms []kconfigcheck.Symptom   `json:"symptoms,omitempty"`
	Against  *kconfigcheck.Comparison `json:"against,omitempty"`
}

func (a *app) explainCommand() *cobra.Command {
	f := &explaining{}
	c := &cobra.Command{
		Use: "explain SYMBOL|PROBE|PATH|ERROR...",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("explain takes a symbol, such as NET; netstrip explain --help has examples")
			}
			return nil
		},
		ValidArgsFunction: f.completeSymbols,
		RunE:              func(c *cobra.Command, args []string) error { return a.explain(c.Context(), f, args) },
	}
	f.addJSON(c)
	f.addCache(c)
	f.addSource(c)
	f.configured.add(c, &f.flags)
	c.Flags().StringVar(&f.against, "against", "", "`PROFILE` whose probes to compare with what the Kconfig files say")
	c.Flags().BoolVar(&f.check, "check", false, "compare what can never be set with what Kconfig does when the symbol is off")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "show no progress")
	// The name of the flag is right, which is all that is checked.
	_ = c.RegisterFlagCompletionFunc("against", completeProfiles)
	return c
}

func (a *app) explain(ctx context.Context, f *explaining, args []string) error {
	args, told, err := symptoms(args)
	if err != nil {
		return err
	}
	req, err := f.request(&f.flags)
	if err != nil {
		return err
	}
	against, err := f.againstRequest()
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
	names, values, err := symbolNames(w.Tree, args)
	if err != nil {
		return err
	}
	all := make([]explained, len(names))
	for i, name := range names {
		all[i].Explanation = w.Explain(req.Profile, name)
		for _, t := range told {
			if slices.Contains(t.Symbols, name) {
				all[i].Symptoms = append(all[i].Symptoms, t)
			}
		}
		if f.against != "" {
			if all[i].Against, err = compareWith(ctx, b, k, against, all[i].Without.Gone); err != nil {
				return err
			}
		}
		if err := a.deepen(ctx, f, w, k, &all[i], values[i]); err != nil {
			return err
		}
	}
	a.progress.Clear()
	if f.json {
		return table.JSON(a.stdout, all)
	}
	return a.showExplained(all)
}

// deepen adds what takes Kconfig a while: what it takes for a value, and --check.
func (a *app) deepen(ctx context.Context, f *explaining, w *explain.World, k *kconf.Kconfig, e *explained, value string) error {
	switch {
	case f.given():
		a.progress.State("seeking what %s takes", e.Symbol)
		if err := e.Seek(w, value); err != nil {
			return err
		}
	case value != "":
		return usagef("%s=%s: asking about a value takes a kernel: name it with --profile or --config", e.Symbol, value)
	}
	if !f.check {
		return nil
	}
	a.progress.State("checking %s", e.Symbol)
	check, err := w.Check(ctx, e.Symbol, func(ctx context.Context, text []byte) (map[string]kconf.Value, error) {
		return k.Values(ctx, kconf.AllYes, text)
	})
	e.Check = &check
	return err
}

func (a *app) showExplained(all []explained) error {
	said := map[string]bool{}
	for i, e := range all {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		for _, s := range e.Symptoms {
			if !said[s.Text] {
				fmt.Fprintf(a.stdout, "%s\n", s)
				said[s.Text] = true
			}
		}
		err := e.Write(a.stdout)
		if err == nil && e.Against != nil {
			err = e.Against.Write(a.stdout, e.Symbol)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// againstRequest returns that of the profile named by --against; without one it is empty.
func (f *explaining) againstRequest() (kconfigs.Request, error) {
	if f.against == "" {
		return kconfigs.Request{}, nil
	}
	p, err := kconfigs.Lookup(f.against)
	if err != nil {
		return kconfigs.Request{}, err
	}
	req, err := p.Request()
	if err == nil && req.Prebuilt != nil {
		err = usagef("--against %s: the symbols of a prebuilt kernel are unknown", f.against)
	}
	return req, err
}

// compareWith holds the probes of a profile against the symbols of its kernel, which need not
// have been built.
func compareWith(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig, req kconfigs.Request, gone []string) (*kconfigcheck.Comparison, error) {
	series := b.Source.Series()
	findings, err := expect.Expected(series, req.Profile)
	if err != nil {
		return nil, usageError{fmt.Errorf("--against %s: %w", req.Profile, err)}
	}
	w, err := b.World(ctx, k, req)
	if err != nil {
		return nil, err
	}
	c, err := kconfigcheck.Compare(gone, func(symbol string) bool { return w.Values[symbol].Value == "y" }, findings)
	c.Profile, c.Series = req.Profile, series
	return &c, err
}

// builder returns a builder. Where only the source is not to be had, it comes with that error,
// and is good for what needs none.
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

// world returns the symbols, with their values where a profile was named.
func (f *explaining) world(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig, req kconfigs.Request) (*explain.World, error) {
	if f.given() {
		return b.World(ctx, k, req)
	}
	symbols, err := k.Symbols()
	if err != nil {
		return nil, err
	}
	return &explain.World{Tree: explain.NewTree(symbols)}, nil
}

// symbolNames returns the symbols meant, with or without CONFIG_, in capitals or not, and the
// values that are asked about, empty where there is none.
func symbolNames(t *explain.Tree, args []string) (names, values []string, err error) {
	known, folded := map[string]bool{}, map[string]string{}
	for _, name := range t.Names() {
		known[name], folded[strings.ToUpper(name)] = true, name
	}
	var req kconfigs.Request
	for _, arg := range args {
		name, value, valued := strings.Cut(arg, "=")
		name = strings.TrimPrefix(strings.ToUpper(name), "CONFIG_")
		if as, ok := folded[name]; ok {
			name = as
		}
		if valued {
			if _, err := kconfigs.ParseFragment(arg, []byte("CONFIG_"+name+"="+value)); err != nil {
				return nil, nil, err
			}
		}
		req.Settings = append(req.Settings, kconfigs.Setting{Symbol: name})
		values = append(values, value)
	}
	if err := req.CheckKnown(known); err != nil {
		return nil, nil, err
	}
	for _, s := range req.Settings {
		names = append(names, s.Symbol)
	}
	return names, values, nil
}

// completeSymbols completes what it can in a second, once a kernel has been built: to
// unpack the source and compile its Kconfig code takes longer than a person waits for.
func (f *explaining) completeSymbols(c *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	none := cobra.ShellCompDirectiveNoFileComp
	store, err := cache.Open(f.cache)
	if err != nil || !store.Has("kconf", "") {
		return nil, none
	}
	ctx, stop := context.WithTimeout(c.Context(), time.Second)
	defer stop()
	o := f.source()
	o.Cache = store
	src, err := kbuild.OpenSource(ctx, o)
	if err != nil {
		return nil, none
	}
	k, err := (&kbuild.Builder{Cache: store, Source: src}).Kconf(ctx)
	if err != nil {
		return nil, none
	}
	defer k.Close()
	known, err := k.Symbols()
	if err != nil {
		return nil, none
	}
	var names []string
	for _, s := range known {
		if strings.HasPrefix(s.Name, strings.ToUpper(begin)) && !strings.HasPrefix(s.Name, "choice ") {
			names = append(names, s.Name)
		}
	}
	return names, none
}

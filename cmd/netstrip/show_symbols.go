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
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// askKconfig is how long show waits for Kconfig's reasons.
const askKconfig = 20 * time.Second

// showSymbols names the symbols that one probe of a record stands for, what they are on its
// kernel, and what asked for that.
func (a *app) showSymbols(ctx context.Context, r record.Record, probe string) {
	found := report.Matching(r, probe)
	if len(found) != 1 {
		return
	}
	names := kconfigcheck.Of(found[0].ID)
	if len(names) == 0 {
		return
	}
	profile := r.Ref().Profile()
	p, err := kconfigs.Lookup(profile)
	if err != nil || p.Prebuilt != nil {
		report.Field(a.stdout, "symbols", fmt.Sprintf("%s; their values are in the .config that %s was made of", strings.Join(names, ", "), report.Escape(profile, 100)))
		return
	}
	req, err := p.Request()
	if err != nil {
		return // the profiles are part of the program, and tests compose them
	}
	a.progress.State("asking Kconfig about %s", strings.Join(names, ", "))
	w, done := quickWorld(ctx, r.Series, req)
	defer done()
	a.progress.Clear()
	label := "symbols"
	for _, name := range names {
		report.Field(a.stdout, label, valueOf(w, req, name))
		label = ""
	}
}

// valueOf says what a symbol is, and why; without Kconfig what the request's own lines say.
func valueOf(w *explain.World, req kconfigs.Request, name string) string {
	if w != nil && w.Has(name) {
		text := name + "=" + w.Values[name].Value
		if why := w.Why(name); why != "" {
			text += ": " + why
		}
		return text
	}
	i := slices.IndexFunc(req.Settings, func(s kconfigs.Setting) bool { return s.Symbol == name })
	if i < 0 {
		return name + ": no fragment asks for it; netstrip explain " + name + " --profile " + req.Profile + " says more"
	}
	s := req.Settings[i]
	return fmt.Sprintf("%s=%s, as %s:%d asks", name, s.Value, s.Fragment, s.Line)
}

// quickWorld asks Kconfig about a request where its program is at hand already; nil where it
// is not. The other value ends the program.
func quickWorld(ctx context.Context, series string, req kconfigs.Request) (*explain.World, func()) {
	nothing := func() {}
	store, err := cache.Open("")
	if err != nil || !store.Has("kconf", "") {
		return nil, nothing
	}
	ctx, stop := context.WithTimeout(ctx, askKconfig)
	o := (&flags{series: series}).source()
	o.Cache = store
	src, err := kbuild.OpenSource(ctx, o)
	if err != nil {
		return nil, stop
	}
	b := &kbuild.Builder{Cache: store, Source: src}
	k, err := b.Kconf(ctx)
	if err != nil {
		return nil, stop
	}
	w, err := b.World(ctx, k, req)
	if err != nil {
		w = nil
	}
	return w, func() { k.Close(); stop() }
}

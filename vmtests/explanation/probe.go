package explanation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
)

// patience bounds how long Probe waits for Kconfig.
const patience = 20 * time.Second

// Probe returns the symbols that a probe needs, each with its value in a profile's kernel and the
// reason. It returns what is known at once: no Kconfig program is built.
func Probe(ctx context.Context, id, profile string, source source.Options) []string {
	names := kconfigcheck.Of(id)
	if len(names) == 0 {
		return nil
	}
	p, err := kconfigs.Lookup(profile)
	if err != nil || p.Prebuilt != nil {
		return []string{fmt.Sprintf("%s; their values are in the .config that %s was built from", strings.Join(names, ", "), profile)}
	}
	req, err := p.Request()
	if err != nil {
		return nil // cannot happen: tests compose every profile
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	var w *explain.ConfigState
	if b, k := kbuild.Quick(ctx, "", source); k != nil {
		defer k.Close()
		if w, err = b.ConfigState(ctx, k, req); err != nil {
			w = nil
		}
	}
	lines := make([]string, len(names))
	for i, name := range names {
		lines[i] = valueOf(w, req, name, source)
	}
	return lines
}

// State returns the .config that a profile's request leads to, as Kconfig sees it; nil if that is not
// known, as for a kernel from files of the user's.
func State(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig, profile string) *explain.ConfigState {
	p, err := kconfigs.Lookup(profile)
	if err != nil || p.Prebuilt != nil {
		return nil
	}
	req, err := p.Request()
	if err != nil {
		return nil // cannot happen: tests compose every profile
	}
	w, err := b.ConfigState(ctx, k, req)
	if err != nil {
		return nil
	}
	return w
}

// valueOf returns a symbol's value and the reason; without Kconfig, those in the request.
func valueOf(w *explain.ConfigState, req kconfigs.Request, name string, source source.Options) string {
	if w != nil && w.Has(name) {
		text := name + "=" + w.Values[name].Value
		if why := w.Why(name); why != "" {
			text += ": " + why
		}
		return text
	}
	i := slices.IndexFunc(req.Settings, func(s kconfigs.Setting) bool { return s.Symbol == name })
	if i < 0 {
		more := "netstrip explain " + name + " --profile " + req.Profile
		if source.Series != "" {
			more += " --series " + source.Series
		}
		if source.Arch != "" && source.Arch != arch.Default().Name {
			more += " --arch " + source.Arch
		}
		return name + ": no fragment asks for it; " + more + " says more"
	}
	s := req.Settings[i]
	return fmt.Sprintf("%s=%s, as %s:%d asks", name, s.Value, s.Fragment, s.Line)
}

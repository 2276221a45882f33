// Package explanation explains kernel symbols from two sources: the kernel's own Kconfig code, and
// the findings expected of the probes. It runs on the host, and builds and boots nothing.
package explanation

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
)

// Options say what to explain.
type Options struct {
	// Args are symbols, or symptoms of missing ones.
	Args []string
	// Request is the kernel whose values are explained; without one there are no values.
	Request *kconfigs.Request
	// Against, if set, is the profile whose probes are compared with the symbols.
	Against string
	// Check makes Kconfig switch everything on, with and without each symbol.
	Check bool
	// Expected returns the findings expected of a profile on a kernel series.
	Expected func(series, profile string) ([]wire.Finding, error)
	// Builder returns the builder whose source is used. It is called once the other options are
	// known to be valid.
	Builder func() (*kbuild.Builder, error)
}

// Explanation explains one symbol.
type Explanation struct {
	explain.Explanation
	// Symptoms are the given symptoms that the symbol explains.
	Symptoms []kconfigcheck.Symptom   `json:"symptoms,omitempty"`
	Against  *kconfigcheck.Comparison `json:"against,omitempty"`
}

// List has one explanation per symbol, in the order of the arguments.
type List []Explanation

// Explain explains each symbol.
func Explain(ctx context.Context, o Options) (List, error) {
	args, symptoms, err := kconfigcheck.Resolve(o.Args, o.Expected)
	if err != nil {
		return nil, err
	}
	var against kconfigs.Request
	if o.Against != "" {
		p, err := kconfigs.Lookup(o.Against)
		if err == nil {
			against, err = p.Request()
		}
		if err != nil {
			return nil, err
		}
		if against.Prebuilt != nil {
			return nil, usage.Errorf("--against %s: the symbols of a prebuilt kernel are unknown", o.Against)
		}
	}
	b, err := o.Builder()
	if err != nil {
		return nil, err
	}
	k, err := b.Kconf(ctx)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	w, config, err := world(ctx, b, k, o.Request)
	if err != nil {
		return nil, err
	}
	names, values, err := w.Resolve(args)
	if err != nil {
		return nil, err
	}
	var findings []wire.Finding
	if o.Against != "" {
		if findings, err = o.Expected(b.Source.Series(), o.Against); err != nil {
			return nil, usage.Errorf("--against %s: %w", o.Against, err)
		}
	}
	all := make(List, len(names))
	for i, name := range names {
		e := &all[i]
		e.Explanation = w.Explain(config, name)
		for _, s := range symptoms {
			if slices.Contains(s.Symbols, name) {
				e.Symptoms = append(e.Symptoms, s)
			}
		}
		if o.Against != "" {
			if e.Against, err = compareWith(ctx, b, k, against, e.Without.Gone, findings); err != nil {
				return nil, err
			}
		}
		if err := e.deepen(ctx, o, w, k, b, values[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Check compares a kernel, which need not be built, with a list of wanted symbols.
func Check(ctx context.Context, b *kbuild.Builder, req kconfigs.Request, wanted []explain.Wanted) (l explain.List, err error) {
	k, err := b.Kconf(ctx)
	if err != nil {
		return l, err
	}
	defer k.Close()
	w, err := b.ConfigState(ctx, k, req)
	if err != nil {
		return l, err
	}
	return w.List(req.Profile, b.Source.Series(), wanted, func(symbol string) { b.Progress.State("seeking what %s takes", symbol) })
}

// world returns the symbols, with their values if there is a kernel, and what that is called.
func world(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig, req *kconfigs.Request) (*explain.ConfigState, string, error) {
	if req != nil {
		w, err := b.ConfigState(ctx, k, *req)
		return w, req.Profile, err
	}
	tree, err := b.Symbols(k)
	return &explain.ConfigState{Tree: tree}, "", err
}

// deepen adds what takes a while: the ways to a value, and the check.
func (e *Explanation) deepen(ctx context.Context, o Options, w *explain.ConfigState, k *kconf.Kconfig, b *kbuild.Builder, value string) error {
	switch {
	case o.Request != nil:
		b.Progress.State("seeking what %s takes", e.Symbol)
		if err := e.Seek(w, value); err != nil {
			return err
		}
	case value != "":
		return usage.Errorf("%s=%s: a value needs a kernel: name one with --profile or --config", e.Symbol, value)
	}
	if !o.Check {
		return nil
	}
	b.Progress.State("checking %s", e.Symbol)
	check, err := w.Check(ctx, e.Symbol, func(ctx context.Context, text []byte) (map[string]kconf.Value, error) {
		return k.Values(ctx, kconf.AllYes, text)
	})
	e.Explanation.Check = &check
	return err
}

// Write writes the explanations for people.
func (l List) Write(w io.Writer) error {
	said := map[string]bool{}
	for i, e := range l {
		if i > 0 {
			fmt.Fprintln(w)
		}
		for _, s := range e.Symptoms {
			if !said[s.Text] {
				fmt.Fprintf(w, "%s\n", s)
				said[s.Text] = true
			}
		}
		err := e.Explanation.Write(w)
		if err == nil && e.Against != nil {
			err = e.Against.Write(w, e.Symbol)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compareWith compares the probes of a profile with the symbols of its kernel, which need not be
// built.
func compareWith(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig, req kconfigs.Request, gone []string, findings []wire.Finding) (*kconfigcheck.Comparison, error) {
	w, err := b.ConfigState(ctx, k, req)
	if err != nil {
		return nil, err
	}
	c, err := kconfigcheck.Compare(gone, func(symbol string) bool { return w.Values[symbol].Value == "y" }, findings)
	c.Profile, c.Series = req.Profile, b.Source.Series()
	return &c, err
}

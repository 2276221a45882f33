package kbuild

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Kconf gives the Kconfig code of the builder's source, run as its kernels' make runs it.
// It is to be closed.
func (b *Builder) Kconf(ctx context.Context) (*kconf.Kconfig, error) {
	if err := checkTools(ctx, tools()); err != nil {
		return nil, err
	}
	tree, err := b.Source.Tree(ctx)
	if err != nil {
		return nil, err
	}
	compiler, err := b.compilerID(ctx)
	if err != nil {
		return nil, err
	}
	return kconf.Open(ctx, kconf.Options{
		Cache: b.Cache, Progress: b.Progress, Tree: tree, SourceID: b.Source.ID,
		Compiler: compiler, Variables: variables(), Environment: environment(),
	})
}

// configurer is a source's Kconfig code, which a *kconf.Kconfig runs.
type configurer interface {
	Symbols() ([]kconf.Symbol, error)
	Settle(ctx context.Context, mode kconf.Mode, request []byte) ([]byte, error)
	Values(ctx context.Context, mode kconf.Mode, request []byte) (map[string]kconf.Value, error)
	Close()
}

// lazy opens the Kconfig code for the first of several kernels that has to be configured.
type lazy struct {
	builder *Builder
	conf    configurer
}

func (l *lazy) get(ctx context.Context) (configurer, error) {
	var err error
	switch {
	case l.conf != nil:
	case l.builder.open != nil:
		l.conf, err = l.builder.open(ctx)
	default:
		var k *kconf.Kconfig
		if k, err = l.builder.Kconf(ctx); err == nil {
			l.conf = k
		}
	}
	return l.conf, err
}

func (l *lazy) close() {
	if l.conf != nil {
		l.conf.Close()
	}
}

// withReasons adds to each problem of a request that Kconfig did not meet why it did not.
// Where the reasons are not to be had the problems are told without.
func (j *job) withReasons(ctx context.Context, unmet error) error {
	e, ok := errors.AsType[*kconfigs.RequestError](unmet)
	if !ok {
		return unmet
	}
	w, err := j.World(ctx, j.conf, j.req)
	if err != nil {
		return unmet
	}
	for i, p := range e.Problems {
		if why := w.Refused(p.Symbol, w.Asked[p.Symbol].Value); why != "" && !strings.HasSuffix(p.Text, ")") {
			e.Problems[i].Text += ": " + why
		}
	}
	return unmet
}

// World gives what req comes to, for package explain to explain. No kernel is built.
func (b *Builder) World(ctx context.Context, k configurer, req kconfigs.Request) (*explain.World, error) {
	symbols, err := k.Symbols()
	if err != nil {
		return nil, err
	}
	j := &job{Builder: b, req: req, title: req.Profile}
	if j.tree, err = b.Source.Tree(ctx); err != nil {
		return nil, err
	}
	text, mode, err := j.begin()
	if err != nil {
		return nil, fmt.Errorf("configuring %s: %w", req.Profile, err)
	}
	values, err := k.Values(ctx, mode, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("configuring %s: %w", req.Profile, err)
	}
	return explain.NewWorld(explain.NewTree(symbols), values, req), nil
}

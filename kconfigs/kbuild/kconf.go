package kbuild

import (
	"context"

	"github.com/netstrip/netstrip/kconfigs"
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

// Start gives what the final .config of req is made from, for Kconf to settle.
func (b *Builder) Start(ctx context.Context, req kconfigs.Request) (text string, mode kconf.Mode, err error) {
	j := &job{Builder: b, req: req, title: req.Profile}
	if j.tree, err = b.Source.Tree(ctx); err != nil {
		return "", "", err
	}
	text, target, err := j.begin()
	return text, kconf.Mode(target), err
}

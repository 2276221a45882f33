package kbuild

import (
	"context"
	"os"
	"path/filepath"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Make runs the kernel's make for a .config in the object tree obj.
func (b *Builder) Make(ctx context.Context, obj string, mode kconf.Mode, text []byte) ([]byte, error) {
	request, config := filepath.Join(obj, "request"), filepath.Join(obj, ".config")
	path := request
	if mode == kconf.OldDef {
		path = config
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return nil, err
	}
	lock, err := os.Create(filepath.Join(obj, "lock"))
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	j := &job{Builder: b, obj: obj, lock: lock}
	if j.tree, err = b.Source.Tree(ctx); err != nil {
		return nil, err
	}
	if err := j.make(ctx, nil, []string{"KCONFIG_ALLCONFIG=" + request}, string(mode)); err != nil {
		return nil, err
	}
	return os.ReadFile(config)
}

// Begin returns the lines that a request's .config is made from.
func (b *Builder) Begin(ctx context.Context, k *kconf.Kconfig, req kconfigs.Request) (text string, mode kconf.Mode, err error) {
	symbols, err := k.Symbols()
	if err != nil {
		return "", "", err
	}
	j := &job{Builder: b}
	if j.req, err = req.For(names(symbols)); err != nil {
		return "", "", err
	}
	if j.tree, err = b.Source.Tree(ctx); err != nil {
		return "", "", err
	}
	return j.begin()
}

package kbuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// Kconf returns the Kconfig code of the builder's source, run like the make of its kernels.
// The caller closes it.
func (b *Builder) Kconf(ctx context.Context) (*kconf.Kconfig, error) {
	if err := checkTools(ctx, b.arch()); err != nil {
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
		Compiler: compiler, Variables: variables(b.arch()), Environment: environment(),
	})
}

// Quick is Open and Kconf where the source's Kconfig program is already in the cache in
// dir, "" meaning the user's; a nil Kconfig means that it is not, or that something is wrong.
func Quick(ctx context.Context, dir string, o source.Options) (*Builder, *kconf.Kconfig) {
	if c, err := cache.Open(dir); err != nil || !c.Has("kconf", "") {
		return nil, nil
	}
	b, err := Open(ctx, dir, o)
	if err != nil || b.Source.ID == "" {
		return nil, nil
	}
	k, err := b.Kconf(ctx)
	if err != nil {
		return nil, nil
	}
	return b, k
}

// Symbols returns the names of a source's symbols, as far as Quick can answer within a second.
func Symbols(ctx context.Context, dir string, o source.Options) (names []string) {
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	_, k := Quick(ctx, dir, o)
	if k == nil {
		return nil
	}
	defer k.Close()
	known, _ := k.Symbols()
	for _, s := range known {
		if !strings.HasPrefix(s.Name, "choice ") {
			names = append(names, s.Name)
		}
	}
	return names
}

// configurer is a source's Kconfig code, a *kconf.Kconfig except in tests.
type configurer interface {
	Symbols() ([]kconf.Symbol, error)
	Settle(ctx context.Context, mode kconf.Mode, request []byte) ([]byte, error)
	Values(ctx context.Context, mode kconf.Mode, request []byte) (map[string]kconf.Value, error)
	Expand(ctx context.Context, text string) (string, error)
	Close()
}

// lazy opens the Kconfig code when the first kernel has to be configured.
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

// maxWays is the number of unmet lines up to which each gets its own way; for more there is
// one way for all together.
const maxWays = 8

// withReasons adds to each unmet line of a request the reason and what to add, as far as
// that can be found.
func (j *job) withReasons(ctx context.Context, unmet error) error {
	e, ok := errors.AsType[*kconfigs.RequestError](unmet)
	if !ok {
		return unmet
	}
	w, err := j.ConfigState(ctx, j.conf, j.req)
	if err != nil {
		return unmet
	}
	var goals []kconfigs.Setting
	said := map[string]bool{}
	for i, p := range e.Problems {
		asked := w.Asked[p.Symbol]
		reason := w.Refused(p.Symbol, asked.Value)
		if len(e.Problems) <= maxWays {
			way, err := w.Way(asked)
			if err == nil {
				reason = way.After(reason)
			}
			said[strings.Join(way.Add, "\n")] = true
			if err == nil && !way.Never {
				goals = append(goals, asked)
			}
		} else if w.Possible(asked) {
			goals = append(goals, asked)
		}
		if reason != "" {
			text, _, _ := strings.Cut(p.Text, " (there are no modules here")
			e.Problems[i].Text = text + ": " + reason
		}
	}
	if len(goals) > 1 {
		way, err := w.Way(goals...)
		if err == nil && len(way.Add) > 0 && !said[strings.Join(way.Add, "\n")] {
			e.Problems = append(e.Problems, kconfigs.Problem{Text: fmt.Sprintf("for %d of these lines together: %s", len(goals), way)})
		}
	}
	return unmet
}

// Symbols returns the symbols of the builder's source and architecture, for package explain.
func (b *Builder) Symbols(k configurer) (*explain.Tree, error) {
	symbols, err := k.Symbols()
	if err != nil {
		return nil, err
	}
	return explain.NewTree(symbols, b.arch().Name), nil
}

// ConfigState returns the .config that req leads to, for package explain. It builds no kernel.
func (b *Builder) ConfigState(ctx context.Context, k configurer, req kconfigs.Request) (*explain.ConfigState, error) {
	if err := b.checkArch(req); err != nil {
		return nil, err
	}
	symbols, err := k.Symbols()
	if err != nil {
		return nil, err
	}
	if req, err = req.For(names(symbols)); err != nil {
		return nil, fmt.Errorf("configuring %s: %w", req.Profile, err)
	}
	j := &job{Builder: b, asked: req, req: req, title: req.Profile}
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
	w := explain.NewConfigState(explain.NewTree(symbols, b.arch().Name), values, req)
	if f, err := kconfigs.ParseFragment(req.Start.Name, []byte(req.Start.Text)); err == nil {
		w.Start = map[string]kconfigs.Setting{}
		for _, s := range f.Settings {
			w.Start[s.Symbol] = s
		}
	}
	w.Kernel = j.kernel(ctx, k, mode, text)
	return w, nil
}

// CheckRequest returns the error with which Build would end because of Kconfig: it reports each line
// about a symbol that the source lacks, and each that Kconfig does not satisfy. It builds no kernel.
func (b *Builder) CheckRequest(ctx context.Context, k configurer, req kconfigs.Request) (err error) {
	if err := b.checkArch(req); err != nil {
		return err
	}
	j := &job{Builder: b, asked: req, req: req, title: req.Profile, conf: k}
	if j.tree, err = b.Source.Tree(ctx); err != nil {
		return err
	}
	if _, err = j.configure(ctx); err != nil {
		return fmt.Errorf("checking %s: %w", req.Profile, err)
	}
	return nil
}

// kernel answers package explain's questions about a settled text, until ctx ends.
func (j *job) kernel(ctx context.Context, k configurer, mode kconf.Mode, text string) *explain.Kernel {
	return &explain.Kernel{
		Settle: func(lines []kconfigs.Setting) (map[string]kconf.Value, error) {
			with, _ := kconfigs.Request{Settings: lines}.Over(text)
			return k.Values(ctx, mode, []byte(with))
		},
		Expand: func(text string) (string, error) { return k.Expand(ctx, text) },
		Read: func(name string) ([]byte, error) {
			return os.ReadFile(filepath.Join(j.tree, filepath.Clean("/"+name)))
		},
	}
}

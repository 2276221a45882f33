package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// find says which kernel is meant, and looks for it in the cache. It builds nothing.
func (f *comparing) find(ctx context.Context, b *kbuild.Builder, arg string) (*side, error) {
	s := &side{Name: arg, Notes: []string{}}
	p, err := kconfigs.Lookup(arg)
	again := arg
	switch {
	case err == nil:
	case strings.ContainsAny(arg, "/.") || isFile(arg):
		if p, err = kconfigs.ReadConfig(arg); err != nil {
			return nil, err
		}
		again = "--config " + quoted(arg)
	default:
		var unknown error
		if s.Kernel, unknown = b.Find(arg); unknown != nil {
			if isA[*kconfigs.RequestError](unknown) {
				err = usagef("%w; nor is it a file, and %w", err, unknown)
			} else {
				err = unknown
			}
			return nil, err
		}
		s.explainSizes("")
		return s, nil
	}
	req, err := p.Request()
	if err != nil {
		return nil, err
	}
	kernel, built, err := b.Cached(ctx, req)
	if err != nil {
		return nil, err
	}
	if built {
		s.Kernel = kernel
	}
	build := f.rebuild(again)
	if req.Prebuilt == nil {
		s.req = &req
	} else if !built {
		return nil, usagef("%s is not in the cache, and compare fetches nothing: %s does", arg, build)
	}
	if req.Start.Text != "" {
		if _, changed := req.Over(req.Start.Text); len(changed) > 0 {
			s.note("%s is compared with what the guest needs otherwise: %s", arg, strings.Join(changed, ", "))
		}
	}
	s.explainSizes(build)
	return s, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// rebuild gives the command that builds what is called so from the same source.
func (f *comparing) rebuild(what string) string {
	text := "netstrip build " + what
	for flag, value := range map[string]string{"--cache": f.cache, "--series": f.series, "--source": f.sourcePath} {
		if value != "" {
			text += " " + flag + " " + quoted(value)
		}
	}
	return text
}

func (s *side) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// explainSizes says which sizes are not known, and how to get them.
func (s *side) explainSizes(build string) {
	switch k := s.Kernel; {
	case k == nil:
		s.note("%s has not been built, so its sizes are not known: %s", s.Name, build)
	case k.Text == 0:
		s.note("%s was compiled elsewhere: no size is known but that of its image", s.Name)
	case len(k.Directories) > 0:
	case build == "":
		s.note("%s was built before sizes were kept by directory", s.Name)
	default:
		s.note("%s was built before sizes were kept by directory: rm -r %s && %s", s.Name, quoted(k.Dir), build)
	}
}

// settle finds out what every symbol of the kernel comes to.
func (s *side) settle(ctx context.Context, b *kbuild.Builder, k *kconf.Kconfig) (err error) {
	if s.req != nil {
		s.world, err = b.World(ctx, k, *s.req)
		return err
	}
	data, err := os.ReadFile(s.Kernel.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("the kernel %s came without a .config: there is nothing to compare", s.Name)
	}
	if err != nil {
		return fmt.Errorf("reading the .config of %s: %w", s.Name, err)
	}
	symbols, err := k.Symbols()
	if err != nil {
		return err
	}
	values, err := k.Values(ctx, kconf.OldDef, data)
	if err != nil {
		return fmt.Errorf("reading the .config of %s: %w", s.Name, err)
	}
	s.world = explain.NewWorld(explain.NewTree(symbols), values, kconfigs.Request{})
	return s.compareSource(ctx, k, data)
}

// compareSource notes how far the source has the kernel's .config otherwise. One of
// another series has other symbols, and there is nothing to compare.
func (s *side) compareSource(ctx context.Context, k *kconf.Kconfig, data []byte) error {
	text, err := k.Settle(ctx, kconf.OldDef, data)
	if err != nil {
		return fmt.Errorf("reading the .config of %s: %w", s.Name, err)
	}
	m := regexp.MustCompile(`(?m)^# Linux/\S+ ((\d+\.\d+)\S*)`).FindSubmatch(text)
	if m != nil && !strings.HasPrefix(s.Kernel.Version+".", string(m[2])+".") {
		return usagef("the kernel %s is Linux %s, and the source in use %s: name its own with --series or --source", s.Name, s.Kernel.Version, m[1])
	}
	had, err := kconfigs.ParseFragment("the .config of "+s.Name, data)
	if err != nil {
		return err
	}
	has, err := kconfigs.ParseConfig(text)
	if err != nil {
		return err
	}
	unmet := kconfigs.Request{Settings: had.Settings}.Verify(has)
	if e, ok := errors.AsType[*kconfigs.RequestError](unmet); ok {
		s.note("%s (%s) is read with the Kconfig files of the source in use, which have %d of its symbols otherwise or not at all",
			s.Name, s.Kernel.Version, len(e.Problems))
	}
	return nil
}

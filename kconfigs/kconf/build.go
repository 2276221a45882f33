package kconf

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
)

// target is a target that builds and runs the kernel's own conf, and asks nothing. Every series has
// it.
const target = "listnewconfig"

// objects returns the objects that the programs of scripts/kconfig share (Makefile:160): those
// that conf is linked from, except for its own.
func objects(obj string) ([]string, error) {
	all, err := filepath.Glob(filepath.Join(obj, "scripts/kconfig/*.o"))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(path string) bool { return filepath.Base(path) == "conf.o" }), nil
}

// fill makes a cache entry in dir: the program, its environment and the symbols.
func (o Options) fill(ctx context.Context, dir string) error {
	// kbuild's objects go into a tree of their own, as a build may be using another. They are
	// not kept, since their paths change when the entry is published.
	obj := filepath.Join(dir, "obj")
	// What a killed compiler leaves is removed with dir.
	o.Environment = append(slices.Clone(o.Environment), "TMPDIR="+dir)
	// Without a Kconfig file, conf has nothing to do.
	if err := o.make(ctx, obj, target, "KBUILD_KCONFIG=/dev/null"); err != nil {
		return fmt.Errorf("compiling the kernel's scripts/kconfig: %w", err)
	}
	if err := o.compile(ctx, dir, obj); err != nil {
		return err
	}
	env, err := o.environment(ctx, obj)
	if err != nil {
		return err
	}
	if err := cache.WriteFile(filepath.Join(dir, environmentFile), []byte(strings.Join(env, "\x00"))); err != nil {
		return err
	}
	if err := os.RemoveAll(obj); err != nil {
		return fmt.Errorf("clearing the objects of scripts/kconfig: %w", err)
	}
	s, err := start(o.Cache, filepath.Join(dir, programFile), env)
	if err != nil {
		return err
	}
	defer s.stop()
	symbols, err := s.ask(ctx, "symbols", nil)
	if err != nil {
		return err
	}
	return cache.WriteFile(filepath.Join(dir, symbolsFile), symbols)
}

// make runs kbuild's make in an object tree.
func (o Options) make(ctx context.Context, obj string, args ...string) error {
	all := append([]string{"make", "-s", "-C", o.Tree, "O=" + obj}, o.Variables...)
	_, err := process.Run(ctx, process.Command{Args: append(all, args...), Env: o.Environment})
	return err
}

// compile links the program with the kernel's objects.
func (o Options) compile(ctx context.Context, dir, obj string) error {
	source := filepath.Join(obj, "serve.c")
	if err := os.WriteFile(source, []byte(program), 0o644); err != nil {
		return fmt.Errorf("writing the Kconfig program: %w", err)
	}
	args := []string{"gcc", "-std=gnu11", "-O2", "-D_GNU_SOURCE", "-Wl,--wrap=variable_all_del",
		"-I" + filepath.Join(o.Tree, "scripts/kconfig"), "-I" + filepath.Join(o.Tree, "scripts/include"),
		"-o", filepath.Join(dir, programFile), source}
	shared, err := objects(obj)
	if err != nil {
		return fmt.Errorf("looking for the objects of scripts/kconfig: %w", err)
	}
	args = append(args, shared...)
	if _, err := process.Run(ctx, process.Command{Args: args, Env: []string{"TMPDIR=" + dir}}); err != nil {
		return fmt.Errorf("compiling netstrip's Kconfig program against %s: %w", o.Tree, err)
	}
	return nil
}

// environment returns what kbuild adds to the environment of conf, which a script that runs
// in its place saves.
func (o Options) environment(ctx context.Context, obj string) ([]string, error) {
	script := []byte("#!/bin/sh\nexec env -0 >saved\n")
	if err := cache.WriteFile(filepath.Join(obj, "scripts/kconfig/conf"), script); err != nil {
		return nil, fmt.Errorf("saving kbuild's environment: %w", err)
	}
	if err := os.Chmod(filepath.Join(obj, "scripts/kconfig/conf"), 0o755); err != nil {
		return nil, fmt.Errorf("saving kbuild's environment: %w", err)
	}
	if err := o.make(ctx, obj, target); err != nil {
		return nil, fmt.Errorf("saving kbuild's environment: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(obj, "saved"))
	if err != nil {
		return nil, fmt.Errorf("saving kbuild's environment: %w", err)
	}
	added := map[string]bool{}
	for v := range bytes.SplitSeq(bytes.TrimSuffix(data, []byte{0}), []byte{0}) {
		added[string(v)] = !bytes.HasPrefix(v, []byte("TMPDIR="))
	}
	maps.DeleteFunc(added, func(_ string, is bool) bool { return !is })
	for _, v := range os.Environ() {
		delete(added, v)
	}
	return slices.Sorted(maps.Keys(added)), nil
}

package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/programs"
)

var (
	hasModules = regexp.MustCompile(`(?m)^CONFIG_MODULES=y$`)
	isModule   = regexp.MustCompile(`(?m)^CONFIG_\w+=m$`)
)

// modular reports whether a kernel of the .config has modules.
func modular(config []byte) bool {
	return hasModules.Match(config) && isModule.Match(config)
}

// ReadConfig returns the kernel's final .config; ok is false for a kernel that was compiled
// elsewhere and came without one.
func (k *Kernel) ReadConfig() (c kconfigs.Config, ok bool, err error) {
	data, err := os.ReadFile(k.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err == nil {
		c, err = kconfigs.ParseConfig(data)
	}
	if err != nil {
		return c, false, fmt.Errorf("reading the .config of the kernel %s: %w", k.Key, err)
	}
	return c, true, nil
}

// keyOf returns the key of the kernel with a final .config.
func (b *Builder) keyOf(final []byte, compiler string) string {
	parts := []string{string(final), b.Source.ID, compiler, recipe(b.arch())}
	if modular(final) {
		parts = append(parts, modulesDir) // kernels under the key without it lack their modules
	}
	return cache.Key(parts...)
}

// lacksModules reports whether a kernel that was compiled here was stored without its
// modules.
func (k *Kernel) lacksModules() bool {
	config, err := os.ReadFile(k.Config)
	return k.Text > 0 && err == nil && modular(config)
}

// ModuleNames returns the names of the modules that the kernel has here, as in /proc/modules; nil
// for a kernel without modules.
func (k *Kernel) ModuleNames() (map[string]bool, error) {
	if k.Modules == "" {
		return nil, nil
	}
	list, err := file.Read(filepath.Join(k.Modules, "modules.dep"), maxConfig)
	if err != nil {
		return nil, fmt.Errorf("listing the modules of the kernel %s: %w", k.Key, err)
	}
	names := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		if path, _, ok := strings.Cut(line, ":"); ok {
			names[moduleName(path)] = true
		}
	}
	return names, nil
}

// fillModules writes the modules of a kernel that was built here to dir.
func (j *job) fillModules(ctx context.Context, dir, version string) error {
	if !modular(j.final) {
		return nil
	}
	root := filepath.Join(dir, "installed")
	defer os.RemoveAll(root)
	args := []string{
		"modules_install", "INSTALL_MOD_PATH=" + root, "INSTALL_MOD_STRIP=1",
		"DEPMOD=true", // it runs later, on the modules that are kept
		// No compression, because copyModules would undo it.
		"CONFIG_MODULE_COMPRESS_GZIP=", "CONFIG_MODULE_COMPRESS_XZ=", "CONFIG_MODULE_COMPRESS_ZSTD=",
	}
	if bytes.Contains(j.final, []byte("\nCONFIG_MODULE_SIG=y\n")) {
		// Without this, modules_install leaves signing to whoever packages the kernel (scripts/Makefile.modinst).
		args = append(args, "CONFIG_MODULE_SIG_ALL=y")
	}
	if err := j.make(ctx, nil, nil, args...); err != nil {
		return fmt.Errorf("installing the modules: %w", err)
	}
	return copyModules(ctx, filepath.Join(dir, modulesDir), filepath.Join(root, "lib/modules", version), version)
}

// copyModules copies the modules that can matter in a guest, without compression, and runs depmod.
func copyModules(ctx context.Context, to, from, version string) error {
	depmod, err := programs.Find("depmod")
	if err != nil {
		return err
	}
	// depmod expects the directories of a system.
	root := filepath.Join(filepath.Dir(to), "root")
	defer os.RemoveAll(root)
	dir := filepath.Join(root, "lib/modules", version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("copying the modules: %w", err)
	}
	all, err := findModules(from)
	if err != nil {
		return err
	}
	if err := all.copy(dir); err != nil {
		return err
	}
	for _, list := range []string{"modules.builtin", "modules.builtin.modinfo", "modules.order"} {
		if _, err := copyFile(filepath.Join(dir, list), filepath.Join(from, list)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if _, err := process.Run(ctx, process.Command{Args: []string{depmod, "-b", root, version}}); err != nil {
		return fmt.Errorf("listing the dependencies of modules: %w", err)
	}
	return os.Rename(dir, to)
}

package kbuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
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

// fillModules writes the stripped modules of a kernel that was built here to dir.
func (j *job) fillModules(ctx context.Context, dir, version string) error {
	if !modular(j.final) {
		return nil
	}
	root := filepath.Join(dir, "installed")
	defer os.RemoveAll(root)
	// depmod runs later, on the modules that are kept. u-root cannot load compressed modules.
	err := j.make(ctx, nil, nil, "modules_install", "INSTALL_MOD_PATH="+root, "INSTALL_MOD_STRIP=1", "DEPMOD=true",
		"CONFIG_MODULE_COMPRESS_GZIP=", "CONFIG_MODULE_COMPRESS_XZ=", "CONFIG_MODULE_COMPRESS_ZSTD=")
	if err != nil {
		return fmt.Errorf("installing the modules: %w", err)
	}
	parts := append(moduleParts(), "block", "drivers/pps", "drivers/ptp", "fs", "init", "kernel", "mm", "security")
	return j.copyModules(ctx, parts, filepath.Join(dir, modulesDir), filepath.Join(root, "lib/modules", version), version)
}

// moduleParts returns the directories of modules related to networking, sockets or virtual
// machines.
func moduleParts() []string {
	return []string{
		"net", "crypto", "lib", "arch", "drivers/char", "drivers/net", "drivers/virtio", "drivers/vhost", "drivers/block",
		"fs/fuse", "fs/9p", "fs/netfs",
	}
}

// copyModules copies the modules in parts, and runs depmod.
func (j *job) copyModules(ctx context.Context, parts []string, to, from, version string) error {
	depmod, err := programs.Find("depmod")
	if err != nil {
		return err
	}
	// depmod expects the directories of a system.
	root := filepath.Join(filepath.Dir(to), "root")
	defer os.RemoveAll(root)
	dir := filepath.Join(root, "lib/modules", version)
	for _, part := range parts {
		if err := copyTree(filepath.Join(dir, "kernel", part), filepath.Join(from, "kernel", part)); err != nil {
			return fmt.Errorf("copying the modules: %w", err)
		}
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

// copyTree copies a tree, if it exists, without drivers for hardware that guests lack.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path == from:
			return nil
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "ethernet" || d.Name() == "wireless"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, path[len(from):]), 0o755)
		}
		_, err = copyFile(filepath.Join(to, path[len(from):]), path)
		return err
	})
}

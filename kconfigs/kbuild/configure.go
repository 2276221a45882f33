package kbuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
)

// objectTree names the object tree that a kernel is built in. Kernels that begin with
// different configs have little in common, and would only undo each other's objects.
func (j *job) objectTree() string {
	parts := []string{j.Source.ID, j.compiler, recipe()}
	switch {
	case j.req.Start.Text != "":
		parts = append(parts, "user")
	case j.req.Start.Name != "":
		parts = append(parts, j.req.Start.Name)
	}
	return hash(parts...)[:16]
}

// configure makes the final .config and verifies it.
func (j *job) configure(ctx context.Context) ([]byte, error) {
	j.Progress.State("%s: configuring", j.title)
	text, target, err := j.begin()
	if err != nil {
		return nil, fmt.Errorf("configuring: %w", err)
	}
	file := requestFile // what KCONFIG_ALLCONFIG points at
	if target == "olddefconfig" {
		file = ".config"
	}
	path := filepath.Join(j.obj, file)
	if err := cache.WriteFile(path, []byte(text)); err != nil {
		return nil, err
	}
	if err := j.make(ctx, nil, []string{"KCONFIG_ALLCONFIG=" + path}, target); err != nil {
		return nil, fmt.Errorf("configuring: %w", err)
	}
	final, err := j.readConfig()
	return final, j.withReasons(ctx, err)
}

// begin gives the lines that a config is made from, and the target that fills in the
// rest: with n, or with the defaults of whoever wrote the start.
func (j *job) begin() (text, target string, err error) {
	start := j.req.Start
	switch {
	case start.Text != "":
		text, changed := j.req.Over(start.Text)
		if len(changed) > 0 {
			j.Progress.Line("%s: the guest and the fragments need otherwise than %s has it: %s",
				j.title, start.Name, strings.Join(changed, ", "))
		}
		return text, "olddefconfig", nil
	case start.Name == "defconfig":
		text, err = j.readTree("arch/x86/configs/x86_64_defconfig")
		target = "olddefconfig"
	case start.Name == "tinyconfig": // scripts/kconfig/Makefile
		text, err = j.readTree("kernel/configs/tiny-base.config", "kernel/configs/tiny.config", "arch/x86/configs/tiny.config")
		target = "allnoconfig"
	case start == kconfigs.Start{}:
		target = "allnoconfig"
	default:
		err = fmt.Errorf("no start is called %q", start.Name)
	}
	text, _ = j.req.Over(text)
	return text, target, err
}

// readTree reads the files of the source that are there, of which one must be.
func (j *job) readTree(names ...string) (string, error) {
	var text strings.Builder
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(j.tree, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // 6.1 has no tiny-base.config
		}
		if err != nil {
			return "", err
		}
		text.Write(data)
	}
	if text.Len() == 0 {
		return "", fmt.Errorf("the source has no %s", strings.Join(names, " nor "))
	}
	return text.String(), nil
}

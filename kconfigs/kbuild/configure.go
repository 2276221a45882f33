package kbuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// objectTree names the object tree that a kernel is built in. Kernels with different starts
// have little in common, and would only replace each other's objects. Machines that share a cache
// share kernels, but not object trees: two makes in one tree would mix their objects.
func (j *job) objectTree() string {
	parts := []string{j.Source.Place(), j.compiler, recipe(j.arch())}
	name := cmp.Or(j.req.Start.ObjectTree, j.req.Start.Name)
	if j.req.Start.Text != "" {
		name = cmp.Or(j.req.Start.ObjectTree, "user")
	}
	if name != "" && name != string(kconf.AllNo) {
		parts = append(parts, name)
	}
	if alone, _ := j.Cache.Alone(); alone != "" {
		parts = append(parts, alone)
	}
	return cache.Key(parts...)[:16]
}

// configure returns the final .config, which meets the request. The kernel's own Kconfig
// code makes it with the same bytes as make, and without an object tree, which another
// process may hold for minutes.
func (j *job) configure(ctx context.Context) ([]byte, error) {
	j.task.State("configuring")
	symbols, err := j.conf.Symbols()
	if err != nil {
		return nil, err
	}
	known := names(symbols)
	if j.req, err = j.asked.For(known); err != nil {
		return nil, err
	}
	if err := checkNames(j.asked, j.req, symbols); err != nil {
		return nil, err
	}
	text, mode, err := j.begin()
	if err != nil {
		return nil, fmt.Errorf("configuring: %w", err)
	}
	data, err := j.conf.Settle(ctx, mode, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("configuring: %w", err)
	}
	final, err := kconfigs.ParseConfig(data)
	if err != nil {
		return nil, err
	}
	return data, j.withReasons(ctx, j.req.Verify(final))
}

// names returns the names of all symbols but choices.
func names(symbols []kconf.Symbol) map[string]bool {
	known := map[string]bool{}
	for _, s := range symbols {
		if !isChoice(s.Name) {
			known[s.Name] = true
		}
	}
	return known
}

// begin returns the lines that a .config is made from, and the mode for all other symbols.
func (j *job) begin() (text string, mode kconf.Mode, err error) {
	start := j.req.Start
	switch {
	case start.Text != "":
		text, _ = j.req.Over(start.Text) // Read reports what that changes
		return withoutKeys(text, j.tree), kconf.OldDef, nil
	case start.Name == "defconfig":
		text, err = j.readTree(j.arch().Defconfig)
		mode = kconf.OldDef
	case start.Name == "tinyconfig": // scripts/kconfig/Makefile
		text, err = j.readTree("kernel/configs/tiny-base.config", "kernel/configs/tiny.config", "arch/"+j.arch().Dir+"/configs/tiny.config")
		mode = kconf.AllNo
	case start.Name == "":
		mode = kconf.AllNo
	default:
		err = fmt.Errorf("no such start: %q", start.Name)
	}
	text, _ = j.req.Over(text)
	return text, mode, err
}

// readTree reads those of the named files that the source has, at least one.
func (j *job) readTree(names ...string) (string, error) {
	var text strings.Builder
	for _, name := range names {
		data, err := file.Read(filepath.Join(j.tree, name), maxConfig)
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

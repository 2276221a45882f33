package kbuild

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// manifestFile, in the object tree of a source tree, lists that tree at the start of the last
// build.
const manifestFile = ".netstrip-source"

// maxManifest is its largest size in bytes: a kernel has 90,000 files.
const maxManifest = 1 << 30

// followTree prepares the object tree of a source tree that may have been edited. Make
// compiles what depends on a file that is newer than its object. It does not notice one that
// was replaced by an older file, as by cp -p or mv, so then everything is compiled again.
func (j *job) followTree(ctx context.Context) error {
	if j.Source.Edited() == "" {
		return nil
	}
	var now bytes.Buffer
	if err := source.List(ctx, j.Source.Edited(), &now); err != nil {
		return fmt.Errorf("looking at %s: %w", j.Source.Edited(), err)
	}
	manifest := filepath.Join(j.obj, manifestFile)
	if !isFollowed(manifest, now.String()) {
		if err := os.RemoveAll(j.obj); err != nil {
			return fmt.Errorf("clearing the object tree: %w", err)
		}
	}
	return cache.WriteFile(manifest, now.Bytes())
}

// isFollowed reports whether every file that changed since the last build is newer than it.
func isFollowed(manifest, now string) bool {
	data, err := file.Read(manifest, maxManifest)
	info, serr := os.Stat(manifest)
	if err != nil || serr != nil {
		return false
	}
	was := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		was[line] = true
	}
	for line := range strings.Lines(now) {
		at, err := strconv.ParseInt(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 10, 64)
		if !was[line] && (err != nil || at <= info.ModTime().UnixNano()) {
			return false
		}
	}
	return true
}

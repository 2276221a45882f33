// Package image builds the disk from which the real applications run: Debian packages, npm
// packages and prepared data directories in one squashfs. It runs on the host, and needs no
// root where users may create namespaces or fakechroot is installed.
//
// A disk is kept in the cache as long as its declarations are the same, and is then found
// without a network, so that results do not change by themselves. Options.Refresh rebuilds it
// from the current packages.
//
// The same packages make the same bytes, with root or without, except for what databases
// generate when they are first started: identifiers, and the times in their tables.
package image

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

// kind is the kind of the disks' cache entries; the others are the files of an entry.
const (
	kind         = "apps"
	imageFile    = "apps.squashfs"
	packagesFile = "packages.txt"
)

// layout is increased when the same declarations make a different disk.
const layout = 1

// Options configure Build. The zero value builds the disk in the user's cache.
type Options struct {
	// Cache is where the disk is kept; nil means the user's cache.
	Cache *cache.Cache
	// Arch is the architecture of the packages; the zero value means the default.
	Arch arch.Arch
	// Progress shows what Build does; nil means that nothing is shown.
	Progress *progress.Printer
	// Refresh rebuilds the disk from the current packages.
	Refresh bool
}

// Disk is the disk of a guest.
type Disk struct {
	// Path is the squashfs.
	Path string
	// Key is a hash of the declarations, the way the disk is built, and the versions of all
	// packages.
	Key string
	// Bytes is the size of the squashfs.
	Bytes int64
	// Packages are those on the disk, each as "NAME VERSION ARCHITECTURE", sorted.
	Packages []string
	// Cached is set if the disk was in the cache.
	Cached bool
}

// Build returns the disk with all of the applications. If the cache has no intact one, Build
// makes it, which takes minutes and a network.
func Build(ctx context.Context, o Options, list []apps.App) (*Disk, error) {
	c := o.Cache
	if c == nil {
		var err error
		if c, err = cache.Open(""); err != nil {
			return nil, err
		}
	}
	if o.Arch.Name == "" {
		o.Arch = arch.Default()
	}
	recipe, err := recipeOf(o.Arch, list)
	if err != nil {
		return nil, fmt.Errorf("making the disk of the applications: %w", err)
	}
	inputs := cache.Key(recipe)[:32]
	if o.Refresh {
		if err := os.RemoveAll(c.Path(kind, inputs)); err != nil {
			return nil, fmt.Errorf("clearing the disk of the applications: %w", err)
		}
	}
	image := &Disk{Cached: true}
	dir, err := c.PublishSound(ctx, kind, inputs, func(dir string) error {
		image.Cached = false
		return builder{dir: dir, arch: o.Arch, cache: c, progress: o.Progress}.fill(ctx, list)
	})
	if err != nil {
		return nil, fmt.Errorf("making the disk of the applications: %w", err)
	}
	packages, err := os.ReadFile(filepath.Join(dir, packagesFile))
	if err != nil {
		return nil, fmt.Errorf("opening the disk of the applications: %w", err)
	}
	image.Path = filepath.Join(dir, imageFile)
	info, err := os.Stat(image.Path)
	if err != nil {
		return nil, fmt.Errorf("opening the disk of the applications: %w", err)
	}
	image.Bytes, image.Key = info.Size(), cache.Key(recipe, string(packages))[:32]
	image.Packages = strings.Split(strings.TrimSpace(string(packages)), "\n")
	return image, nil
}

// recipeOf returns all that determines the disk, except the versions of the packages. The
// client of an application is not part of it, nor is the order of the list.
func recipeOf(a arch.Arch, list []apps.App) (string, error) {
	type part struct {
		Name          string
		Packages, NPM []string
		Make          apps.Make
	}
	var parts []part
	for _, app := range list {
		parts = append(parts, part{app.Name, app.Packages, app.NPM, app.Make})
	}
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.Name, b.Name) })
	data, err := json.Marshal([]any{layout, pinned().Sources, tarFlags(), debstrapFlags(a), squashFlags(), npmFlags(a), runner(nil), parts})
	return string(data), err
}

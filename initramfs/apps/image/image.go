// Package image makes the disk that the real applications stand on: Debian's packages,
// those of npm and the data directories made beforehand, in one squashfs. It runs on the
// host, without root where the system lets a user make namespaces, or has fakechroot.
//
// The disk is that of the day it was first asked for: as long as the declarations are the
// same it is found in the cache at once, without a network. What is measured should not
// change by itself; Options.Refresh takes the packages as they are now.
//
// Made of the same packages it has the same bytes, by root or not, but for what databases make up
// when they are first started: identifiers, and the times in their tables.
package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

// kind is the cache's drawer for disks, and what an entry holds.
const (
	kind         = "apps"
	imageFile    = "apps.squashfs"
	packagesFile = "packages.txt"
)

// layout is raised when the disk is put together differently from the same declarations.
const layout = 1

// Options say how to make the disk. The zero value makes it in the user's cache.
type Options struct {
	// Cache is where it is kept; nil means the user's cache.
	Cache *cache.Cache
	// Progress is told what goes on; nil means nobody is.
	Progress *progress.Printer
	// Refresh makes it anew, of the packages as they are now.
	Refresh bool
}

// Image is a disk that can be given to a guest.
type Image struct {
	// Path is the squashfs.
	Path string
	// Key is a hash of the declarations, of how the disk is made, and of the versions of
	// all packages.
	Key string
	// Bytes is its size.
	Bytes int64
	// Packages are what it was made of, each as "NAME VERSION ARCHITECTURE", sorted.
	Packages []string
	// Cached is set when it was there already.
	Cached bool
}

// Build returns the disk with all of the applications, making it first if the cache does not
// have it whole, which takes minutes and a network.
func Build(ctx context.Context, o Options, list []apps.App) (*Image, error) {
	c := o.Cache
	if c == nil {
		var err error
		if c, err = cache.Open(""); err != nil {
			return nil, err
		}
	}
	recipe, err := recipeOf(list)
	if err != nil {
		return nil, fmt.Errorf("making the disk of the applications: %w", err)
	}
	inputs := hash(recipe)
	if o.Refresh {
		if err := os.RemoveAll(c.Path(kind, inputs)); err != nil {
			return nil, fmt.Errorf("clearing the disk of the applications: %w", err)
		}
	}
	image := &Image{Cached: true}
	dir, err := c.PublishSound(ctx, kind, inputs, func(dir string) error {
		image.Cached = false
		return builder{dir: dir, cache: c, progress: o.Progress}.fill(ctx, list)
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
	image.Bytes, image.Key = info.Size(), hash(recipe, string(packages))
	image.Packages = strings.Split(strings.TrimSpace(string(packages)), "\n")
	return image, nil
}

// recipeOf is all that decides what the disk becomes, but for the packages' versions. How
// an application is asked does not; nor does the order of the list.
func recipeOf(list []apps.App) (string, error) {
	type part struct {
		Name          string
		Packages, NPM []string
		Make          apps.Make
	}
	var parts []part
	for _, a := range list {
		parts = append(parts, part{a.Name, a.Packages, a.NPM, a.Make})
	}
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.Name, b.Name) })
	data, err := json.Marshal([]any{layout, pinned().Sources, tarFlags(), debstrapFlags(), squashFlags(), npmFlags(), runner(nil), parts})
	return string(data), err
}

func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

package kbuild

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
)

// About describes an entry of the cache. It calls kinds that it does not know by their names.
func About(e cache.Entry) string {
	text := map[string]string{
		"download": "tarball of a kernel's source", "initramfs": "initramfs", "packages": "Debian packages of an init",
		"kernel": "kernel", "obj": "object tree", "source": "unpacked source",
		"source-hash": "hash of a tarball", "kconf": "Kconfig code of a source",
		"tmp": "incomplete (interrupted while being made or removed)",
	}[e.Kind]
	text = cmp.Or(text, strings.ReplaceAll(e.Kind, "-", " "))
	if v := version(e); v != "" {
		text += " " + v
	}
	if purposes := slices.Compact(slices.Sorted(slices.Values(e.For))); len(purposes) > 0 {
		text += " of " + strings.Join(purposes, ", ")
	}
	return text
}

// version is the kernel's version that an entry has to do with, where it says so.
func version(e cache.Entry) string {
	read := func(name string) string {
		data, _ := file.Read(filepath.Join(e.Path, name), 1<<20) // damaged ones are listed too
		return strings.TrimSpace(string(data))
	}
	switch e.Kind {
	case "kernel":
		var k Kernel
		_ = json.Unmarshal([]byte(read("kernel.json")), &k)
		return k.Version
	case "obj":
		return read("include/config/kernel.release")
	case "source":
		m := regexp.MustCompile(`(?m)^VERSION = (\d+)\nPATCHLEVEL = (\d+)\nSUBLEVEL = (\d+)$`).FindStringSubmatch(read("Makefile"))
		return strings.Join(m[min(1, len(m)):], ".")
	}
	return ""
}

// Verified is an entry of the cache and its state: whole, damaged, removed (it was damaged), or
// unchecked (nothing to compare it with is kept).
type Verified struct {
	cache.Entry `json:"-"`
	Kind        string `json:"kind"`
	Key         string `json:"key"`
	Path        string `json:"path"`
	State       string `json:"state"`
	About       string `json:"about"`
	Why         string `json:"why,omitempty"`
}

// Verify checks every entry of the cache; fix removes the damaged ones. Tell is called with each
// before and after the check. The result is never nil.
func Verify(ctx context.Context, c *cache.Cache, fix bool, tell func(v Verified, done bool)) ([]Verified, error) {
	entries, err := c.List(ctx)
	if err != nil {
		return nil, err
	}
	list := []Verified{}
	for _, e := range entries {
		if e.Kind == "tmp" {
			continue
		}
		v := Verified{Entry: e, Kind: e.Kind, Key: e.Key, Path: e.Path, About: About(e)}
		tell(v, false)
		err := checkIndex(ctx, c, e)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case e.LeadsTo != "" && !errors.Is(err, cache.ErrDamaged):
			continue // it is listed with what it leads to
		case errors.Is(err, fs.ErrNotExist):
			continue // removed meanwhile
		case err == nil:
			v.State = "whole"
		case errors.Is(err, cache.ErrUnchecked):
			v.State = "unchecked"
		default:
			v.State, v.Why = "damaged", err.Error()
			if fix {
				if err := c.Mend(ctx, e.Kind, e.Key); err != nil {
					return nil, err
				}
				v.State = "removed"
			}
		}
		list = append(list, v)
		tell(v, true)
	}
	return list, nil
}

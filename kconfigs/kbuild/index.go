package kbuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
)

// maxConfig bounds a .config, in bytes.
const maxConfig = 16 << 20

// Cached returns the kernel for req if it has been built, and runs no make to find out.
func (b *Builder) Cached(ctx context.Context, req kconfigs.Request) (*Kernel, bool, error) {
	inputs, err := b.Inputs(ctx, req)
	if err != nil {
		return nil, false, err
	}
	key, _, err := b.Cache.ReadIndex(kindKernel, inputs)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, cache.ErrDamaged) {
		return nil, false, nil // Build writes it anew
	}
	if err != nil {
		return nil, false, fmt.Errorf("finding the kernel %s: %w", req.Profile, err)
	}
	k, err := b.load(key)
	if err != nil {
		// Taken out of the cache or damaged: not there. Build makes it again.
		return nil, false, nil
	}
	if req.Prebuilt != nil && key != inputs || req.Prebuilt == nil && checkMade(k.Config, req) != nil {
		return nil, false, nil // made for something else
	}
	k.Cached = true
	return k, true, nil
}

// checkMade says how a kernel's .config is not what was asked for.
func checkMade(config string, req kconfigs.Request) error {
	data, err := file.Read(config, maxConfig)
	if err != nil {
		return err
	}
	final, err := kconfigs.ParseConfig(data)
	if err != nil {
		return err
	}
	return req.Verify(final)
}

// CheckIndex verifies an entry of a cache that leads to a kernel. The error wraps
// cache.ErrDamaged where the kernel was made for something else, and cache.ErrUnchecked
// where that cannot be known: an older netstrip wrote the entry, and not for a profile.
func CheckIndex(ctx context.Context, c *cache.Cache, e cache.Entry) error {
	err := c.Verify(ctx, e.Kind, e.Key)
	if !errors.Is(err, cache.ErrUnchecked) || e.Kind != kindIndex || len(e.For) != 1 {
		return err
	}
	profile, lerr := kconfigs.Lookup(e.For[0])
	if lerr != nil || profile.Prebuilt != nil {
		return err
	}
	req, rerr := profile.Request()
	if rerr != nil || !wasMadeFor(c, e, req) {
		return err
	}
	// Of a kernel that is not there, or damaged, its own entry tells.
	wrong := checkMade(filepath.Join(e.LeadsTo, configFile), req)
	if unmet, ok := errors.AsType[*kconfigs.RequestError](wrong); ok {
		return fmt.Errorf("%w: %s leads to a kernel that was not made for %s: %s", cache.ErrDamaged, e.Path, profile.Name, unmet.Problems[0])
	}
	return err
}

// wasMadeFor reports whether an index stands where that of a request does, given one of
// the sources in the cache: the profile that it names may have been another at the time.
func wasMadeFor(c *cache.Cache, e cache.Entry, req kconfigs.Request) bool {
	var k Kernel
	data, err := file.Read(filepath.Join(e.LeadsTo, infoFile), maxConfig)
	if err != nil || json.Unmarshal(data, &k) != nil {
		return false
	}
	sources, _ := os.ReadDir(c.Path(kindSource, ""))
	return slices.ContainsFunc(sources, func(s os.DirEntry) bool { return inputs(req, s.Name(), k.Compiler) == e.Key })
}

func (j *job) writeIndex(ctx context.Context) error {
	inputs, err := j.Inputs(ctx, j.req)
	if err != nil {
		return err
	}
	return j.Cache.WriteIndex(kindKernel, inputs, j.key, j.req.Profile)
}

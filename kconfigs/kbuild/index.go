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
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// maxConfig is the largest size of a .config in bytes.
const maxConfig = 16 << 20

// Cached returns the kernel for req if it has been built. It runs no make.
func (b *Builder) Cached(ctx context.Context, req kconfigs.Request) (*Kernel, bool, error) {
	inputs, err := b.Inputs(ctx, req)
	if err != nil {
		return nil, false, err
	}
	key, _, err := b.Cache.ReadIndex(kindKernel, inputs)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, cache.ErrDamaged) {
		return nil, false, nil // Build writes it again
	}
	if err != nil {
		return nil, false, fmt.Errorf("finding the kernel %s: %w", req.Profile, err)
	}
	k, err := b.load(key)
	if err != nil {
		return nil, false, nil // missing or damaged: Build makes it again
	}
	if req.Prebuilt != nil && key != inputs || req.Prebuilt == nil && checkMade(k.Config, req) != nil {
		return nil, false, nil // made for something else
	}
	k.Cached = true
	return k, true, nil
}

// checkMade returns an error if a kernel's .config does not meet a request.
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

// checkIndex verifies an index of kernels. The error wraps cache.ErrDamaged if the kernel
// was made for something else, and cache.ErrUnchecked if that is unknown: an older netstrip
// wrote the index, and not for a profile.
func checkIndex(ctx context.Context, c *cache.Cache, e cache.Entry) error {
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
	// A missing or damaged kernel is reported for its own entry.
	wrong := checkMade(filepath.Join(e.LeadsTo, configFile), req)
	if unmet, ok := errors.AsType[*kconfigs.RequestError](wrong); ok {
		return fmt.Errorf("%w: %s leads to a kernel that was not made for %s: %s", cache.ErrDamaged, e.Path, profile.Name, unmet.Problems[0])
	}
	return err
}

// wasMadeFor reports whether a request, with one of the sources in the cache, leads to an
// index: the profile of that name may have been different at the time.
func wasMadeFor(c *cache.Cache, e cache.Entry, req kconfigs.Request) bool {
	var k Kernel
	data, err := file.Read(filepath.Join(e.LeadsTo, infoFile), maxConfig)
	if err != nil || json.Unmarshal(data, &k) != nil {
		return false
	}
	a, err := arch.Labelled(k.Arch)
	if err != nil {
		return false
	}
	sources, _ := os.ReadDir(c.Path(source.Kind, ""))
	return slices.ContainsFunc(sources, func(s os.DirEntry) bool { return inputs(req, s.Name(), k.Compiler, a) == e.Key })
}

func (j *job) writeIndex(ctx context.Context) error {
	inputs, err := j.Inputs(ctx, j.asked)
	if err != nil {
		return err
	}
	return j.Cache.WriteIndex(kindKernel, inputs, j.key, j.req.Profile)
}

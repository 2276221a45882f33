package kbuild

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/file"
)

// Past is what the cache says about the build of a kernel.
type Past struct {
	// Key is the kernel's key in the cache.
	Key string
	// CPU is what compiling it took; what was left in the object tree by another kernel was not
	// compiled again.
	CPU time.Duration
}

// Past returns what the cache says about the kernel for a request, nil if it has none. Unlike Cached
// it does not read the kernel, which may be damaged: it answers in a millisecond.
func (b *Builder) Past(ctx context.Context, req kconfigs.Request) (*Past, error) {
	inputs, err := b.Inputs(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("looking for the kernel %s: %w", req.Profile, err)
	}
	key, _, err := b.Cache.ReadIndex(kindKernel, inputs)
	if err != nil {
		return nil, nil // missing or damaged: Build makes it again
	}
	data, err := file.Read(filepath.Join(b.Cache.Path(kindKernel, key), infoFile), maxConfig)
	var k Kernel
	if err != nil || json.Unmarshal(data, &k) != nil || k.Key != key {
		return nil, nil
	}
	return &Past{Key: key, CPU: time.Duration(k.CPUSeconds * float64(time.Second))}, nil
}

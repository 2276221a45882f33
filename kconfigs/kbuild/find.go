package kbuild

import (
	"fmt"
	"os"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
)

// shortKey is the least number of digits of a key to look for.
const shortKey = 4

// Find returns the kernel in the cache whose key has a prefix. If there are none or several,
// the error is a kconfigs.RequestError.
func (b *Builder) Find(begin string) (*Kernel, error) {
	entries, err := os.ReadDir(b.Cache.Path(kindKernel, ""))
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("finding a kernel: %w", err)
	}
	var keys []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), begin) && len(begin) >= shortKey {
			keys = append(keys, e.Name())
		}
	}
	problem := fmt.Sprintf("no kernel in the cache has a key that begins with %q", begin)
	switch {
	case len(keys) == 1:
		k, err := b.load(keys[0])
		if err == nil {
			k.Cached = true
			return k, nil
		}
		problem = fmt.Sprintf("the kernel %s is damaged: %v", keys[0], err)
	case len(keys) > 1:
		problem = fmt.Sprintf("%d kernels in the cache have keys that begin with %q: %s", len(keys), begin, strings.Join(keys, ", "))
	}
	return nil, &kconfigs.RequestError{Problems: []kconfigs.Problem{{Text: problem}}}
}

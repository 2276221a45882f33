package run

import (
	"errors"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// ErrProbes is returned for a list of probes with a bad pattern.
var ErrProbes = errors.New("the list of probes cannot be used")

func checkPatterns(patterns string) error {
	if _, err := wire.Matches(patterns, ""); err != nil {
		return fmt.Errorf("%w: %w", ErrProbes, err)
	}
	return nil
}

// known returns the IDs of the probes that a boot can run: those of the applications, if there are
// any, otherwise those of the catalogue.
func (r *Runner) known() []string {
	var ids []string
	for _, a := range r.opts.Apps {
		ids = append(ids, a.ID)
	}
	if r.opts.Disk != nil {
		return ids
	}
	for _, p := range wire.Probes() {
		if !strings.HasPrefix(p.ID, wire.InitFamily+"/") {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

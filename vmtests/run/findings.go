package run

import (
	"errors"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// checkPatterns returns an error for a list of probes that cannot be used.
func checkPatterns(patterns string) error {
	if _, err := wire.Matches(patterns, ""); err != nil {
		return usage.Errorf("the list of probes cannot be used: %w", err)
	}
	return nil
}

// checkProbes refuses a list with a pattern that matches no probe of the catalogue; those of
// an init are there only where one is examined.
func checkProbes(patterns string, catalogue []wire.Probe, ofInit bool) error {
	for pattern := range strings.SplitSeq(patterns, ",") {
		_, err := wire.Matches(pattern, "")
		if err == nil && patterns != "" && !slices.ContainsFunc(catalogue, func(p wire.Probe) bool {
			ok, _ := wire.Matches(pattern, p.ID)
			return ok && (ofInit || !strings.HasPrefix(p.ID, wire.InitFamily+"/"))
		}) {
			err = errors.New("no such probe; netstrip run --probes <TAB> lists them")
		}
		if err != nil {
			return usage.Errorf("--probes %s: %w", pattern, err)
		}
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
	if r.opts.Job != nil {
		return []string{r.opts.Job.ID}
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

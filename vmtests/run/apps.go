package run

import (
	"context"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// UseDisk has the guests use the disk of the built-in applications, none of which is started.
func (o *Options) UseDisk(ctx context.Context) (err error) {
	o.onDisk, err = apps.Load(ctx, "")
	return err
}

// UseApps has the guests ask the applications that are named, or all for no name. Dir has more of
// them, or is empty. New makes one disk with all applications, whichever are asked.
func (o *Options) UseApps(ctx context.Context, dir string, names ...string) error {
	all, err := apps.Load(ctx, dir)
	if err != nil {
		return err
	}
	var patterns, known []string
	for _, a := range all {
		known = append(known, a.Name)
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return usage.Errorf("no such application: %q; the applications are %s", n, strings.Join(known, ", "))
		}
		patterns = append(patterns, apps.ID{Name: n, Way: "*"}.String())
	}
	o.onDisk, o.Apps, o.Probes = all, apps.Wire(all), strings.Join(patterns, ",")
	o.Own, err = apps.Own(all)
	return err
}

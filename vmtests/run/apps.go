package run

import (
	"context"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/apps/image"
	"github.com/netstrip/netstrip/kconfigs/cache"
)

// UseApps attaches the same disk with all applications to every guest, whichever of them it runs.
func (o *Options) UseApps(ctx context.Context, all []apps.App) error {
	c, err := cache.Open(o.Cache)
	if err != nil {
		return err
	}
	disk, err := image.Build(ctx, image.Options{Cache: c, Progress: o.Progress}, all)
	if err != nil {
		return err
	}
	o.Apps, o.Disk = apps.Wire(all), disk
	o.Own, err = apps.Own(all)
	return err
}

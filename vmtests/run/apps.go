package run

import (
	"context"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/apps/image"
	"github.com/netstrip/netstrip/kconfigs/cache"
)

// UseApps has the guests boot with a disk of all applications, whichever are asked, so that
// there is one disk.
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

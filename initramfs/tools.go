package initramfs

import (
	"context"

	"github.com/u-root/mkuimage/uimage/initramfs"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

// Shell is the path of the shell that Options.Tools adds.
const Shell = "/bin/sh"

// tools are the programs for a person in the guest: busybox, whose shell edits lines, keeps a
// history and controls jobs, and netstrip's guest program as probe. It is not an init, but made
// of packages like one.
func tools() Init {
	return Init{
		Name: "shell", Packages: []string{"busybox-static"},
		Links: map[string]string{"bin/sh": "busybox", "bin/probe": "/bin/uinit"},
	}
}

// withTools returns the image followed by an archive with tools. Those that it has already stay.
func (i *Image) withTools(ctx context.Context, c *cache.Cache, o Options) (*Image, error) {
	o.Init = tools()
	return i.extend(ctx, c, "a shell", o.Init.Key(), func(dir string) (*initramfs.Files, error) {
		packages, err := fetch(ctx, c, o)
		if err != nil {
			return nil, err
		}
		o.Progress.Line("building the initramfs with a shell")
		return o.Init.files(ctx, o.Arch, packages, dir)
	})
}

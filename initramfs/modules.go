package initramfs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/u-root/mkuimage/cpio"
	"github.com/u-root/mkuimage/uimage/initramfs"

	"github.com/netstrip/netstrip/kconfigs/cache"
)

// withModules gives the image with an archive of kernel modules behind it. The kernel
// unpacks one after the other (Documentation/driver-api/early-userspace/buffer-format.rst).
func (i *Image) withModules(ctx context.Context, c *cache.Cache, o Options) (*Image, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q %q", layout, o.Modules, o.Release))
	all := &Image{Key: i.Key + "+" + hex.EncodeToString(sum[:16]), Cached: true}
	dir, err := c.PublishSound(ctx, kind, all.Key, func(dir string) error {
		all.Cached = false
		o.Progress.Line("building the initramfs with the modules of %s", o.Release)
		files := initramfs.NewFiles()
		if err := files.AddFile(o.Modules, "lib/modules/"+o.Release); err != nil {
			return err
		}
		// Where the kernel looks for it (CONFIG_MODPROBE_PATH).
		if err := files.AddRecord(cpio.Symlink("sbin/modprobe", "/bin/uinit")); err != nil {
			return err
		}
		return appendArchive(filepath.Join(dir, imageName), i.Path, files)
	})
	if err == nil {
		all.Path = filepath.Join(dir, imageName)
		var info os.FileInfo
		if info, err = os.Stat(all.Path); err == nil {
			all.Bytes = info.Size()
			return all, nil
		}
	}
	return nil, fmt.Errorf("building the initramfs with modules: %w", err)
}

// appendArchive writes the archive first and then one of files.
func appendArchive(path, first string, files *initramfs.Files) error {
	in, err := os.Open(first)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, in)
	if err == nil {
		_, err = out.Write(make([]byte, -n&511)) // the next begins at a multiple of 4
	}
	if err == nil {
		err = writeFiles(out, files)
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}

package initramfs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/u-root/mkuimage/cpio"
	"github.com/u-root/mkuimage/uimage/initramfs"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
)

// withModules returns the image with an archive of kernel modules behind it.
func (i *Image) withModules(ctx context.Context, c *cache.Cache, o Options) (*Image, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q %q", layout, o.Modules, o.Release))
	all, err := i.extend(ctx, c, hex.EncodeToString(sum[:16]), func(string) (*initramfs.Files, error) {
		o.Progress.Line("building the initramfs with the modules of %s", o.Release)
		files := initramfs.NewFiles()
		if err := files.AddFile(o.Modules, "lib/modules/"+o.Release); err != nil {
			return nil, err
		}
		// Where the kernel looks for it (CONFIG_MODPROBE_PATH).
		return files, files.AddRecord(cpio.Symlink("sbin/modprobe", "/bin/uinit"))
	})
	if err != nil {
		return nil, fmt.Errorf("building the initramfs with modules: %w", err)
	}
	return all, nil
}

// withApps returns the image with the table of applications behind it.
func (i *Image) withApps(ctx context.Context, c *cache.Cache, apps []wire.App) (*Image, error) {
	table, err := json.Marshal(apps)
	if err != nil {
		return nil, fmt.Errorf("writing the table of applications: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", layout, table))
	all, err := i.extend(ctx, c, hex.EncodeToString(sum[:16]), func(string) (*initramfs.Files, error) {
		files := initramfs.NewFiles()
		return files, files.AddRecord(cpio.StaticFile(strings.TrimPrefix(wire.AppTable, "/"), string(table), 0o644))
	})
	if err != nil {
		return nil, fmt.Errorf("building the initramfs with applications: %w", err)
	}
	return all, nil
}

// withProbes adds the patterns of the probes to ask.
func (i *Image) withProbes(ctx context.Context, c *cache.Cache, patterns string) (*Image, error) {
	sum := sha256.Sum256([]byte(patterns))
	all, err := i.extend(ctx, c, hex.EncodeToString(sum[:16]), func(string) (*initramfs.Files, error) {
		files := initramfs.NewFiles()
		return files, files.AddRecord(cpio.StaticFile(strings.TrimPrefix(wire.ProbesFile, "/"), patterns, 0o644))
	})
	if err != nil {
		return nil, fmt.Errorf("adding the list of probes to the initramfs: %w", err)
	}
	return all, nil
}

// extend returns the image with an archive of files behind it. The kernel unpacks one after
// the other (Documentation/driver-api/early-userspace/buffer-format.rst). Files may
// use rootName in the directory that becomes the entry.
func (i *Image) extend(ctx context.Context, c *cache.Cache, key string, files func(dir string) (*initramfs.Files, error)) (*Image, error) {
	all := &Image{Key: i.Key + "+" + key, Cached: true}
	dir, err := c.PublishSound(ctx, kind, all.Key, func(dir string) error {
		all.Cached = false
		add, err := files(dir)
		if err != nil {
			return err
		}
		if err := appendArchive(filepath.Join(dir, imageName), i.Path, add); err != nil {
			return err
		}
		return os.RemoveAll(filepath.Join(dir, rootName))
	})
	if err != nil {
		return nil, err
	}
	return all, all.measure(dir)
}

// appendArchive writes the archive first and then one of files.
func appendArchive(path, first string, files *initramfs.Files) error {
	in, err := file.Open(first)
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

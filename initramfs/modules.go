package initramfs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/u-root/mkuimage/cpio"
	"github.com/u-root/mkuimage/uimage/initramfs"

	"github.com/netstrip/netstrip/initramfs/bundle"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/initramfs/wire/duplex"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
)

// withModules returns the image followed by an archive of kernel modules.
func (i *Image) withModules(ctx context.Context, c *cache.Cache, o Options) (*Image, error) {
	return i.extend(ctx, c, "modules", keyOf("%d %q %q %q", layout, o.Modules, o.Release, o.Modprobe), func(string) (*initramfs.Files, error) {
		o.Progress.Line("building the initramfs with the modules of %s", o.Release)
		files := initramfs.NewFiles()
		if err := files.AddFile(o.Modules, "lib/modules/"+o.Release); err != nil {
			return nil, err
		}
		for _, path := range append([]string{"/sbin/modprobe"}, o.Modprobe...) {
			if err := files.AddRecord(cpio.Symlink(strings.TrimPrefix(filepath.Clean(path), "/"), "/bin/uinit")); err != nil {
				return nil, err
			}
		}
		return files, nil
	})
}

// withApps returns the image followed by the table of applications.
func (i *Image) withApps(ctx context.Context, c *cache.Cache, apps []wire.App) (*Image, error) {
	table, err := json.Marshal(apps)
	if err != nil {
		return nil, fmt.Errorf("writing the table of applications: %w", err)
	}
	return i.withFile(ctx, c, "applications", keyOf("%d %s", layout, table), wire.AppTable, string(table))
}

// withProgram returns the image followed by the files that a user's program needs.
func (i *Image) withProgram(ctx context.Context, c *cache.Cache, b *bundle.Bundle) (*Image, error) {
	key, err := b.Key()
	if err != nil {
		return nil, fmt.Errorf("building the initramfs with a program: %w", err)
	}
	return i.extend(ctx, c, "a program", key, func(string) (*initramfs.Files, error) { return b.Files(duplex.JobRoot) })
}

// withProbes returns the image followed by the patterns of the probes to ask.
func (i *Image) withProbes(ctx context.Context, c *cache.Cache, patterns string) (*Image, error) {
	return i.withFile(ctx, c, "a list of probes", keyOf("%s", patterns), wire.ProbesFile, patterns)
}

// withFile returns the image followed by an archive with one file.
func (i *Image) withFile(ctx context.Context, c *cache.Cache, what, key, path, text string) (*Image, error) {
	return i.extend(ctx, c, what, key, func(string) (*initramfs.Files, error) {
		files := initramfs.NewFiles()
		return files, files.AddRecord(cpio.StaticFile(strings.TrimPrefix(path, "/"), text, 0o644))
	})
}

// keyOf returns a short hash of a formatted text.
func keyOf(format string, args ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, format, args...))
	return hex.EncodeToString(sum[:16])
}

// extend returns the image followed by an archive of files; errors name them what. The
// kernel unpacks one archive after the other
// (Documentation/driver-api/early-userspace/buffer-format.rst). Files may use rootName in
// the directory that becomes the entry.
func (i *Image) extend(ctx context.Context, c *cache.Cache, what, key string, files func(dir string) (*initramfs.Files, error)) (*Image, error) {
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
	if err == nil {
		err = all.measure(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("building the initramfs with %s: %w", what, err)
	}
	return all, nil
}

// appendArchive writes the archive first followed by one of files.
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
	return errors.Join(err, out.Close())
}

// Package initramfs builds the initial file system that every kernel is booted with:
// u-root's init as /init, netstrip's guest program as its uinit, and little else. It runs
// on the host.
//
// The image depends only on its sources and the Go toolchain: same inputs, same bytes. It
// is cached under a key derived from these inputs, which takes some milliseconds to
// compute, and is built again only when one of them changes.
//
// Measured with 35 probes on a busy two-core machine, Go 1.26, QEMU 7.2 under TCG, kernel
// 6.12 with the full network; first event in guest uptime, median and range of 8 boots in
// alternating order, builds with a warm Go cache:
//
//	                    bytes   build          first event
//	two binaries   10,500,000   0.7 to 0.9 s   0.90 s (0.85 to 1.03)
//	no net/http     6,500,000                  0.93 s (0.82 to 1.00)
//	busybox         7,300,000    25 to 34 s    0.94 s (0.82 to 0.99)
//
// So all three boot equally fast within the error, and the size does not matter. The
// busybox (init and uinit in one, as mkuimage makes it) is not used because it builds thirty
// times more slowly; it selects commands by argv[0], which breaks uinit's children, started
// through /proc/self/exe; and it takes the module from the working directory, which a
// library must not change. net/http stays for the two probes that use real HTTP.
// Compression does not pay: gzip reduces the image to 4,400,000 bytes, but a boot then takes
// 1.42 s of user CPU time instead of 1.26 s (means of 5), as an emulated CPU inflates more
// slowly than it copies.
package initramfs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/netstrip/netstrip/initramfs/bundle"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

// kind is the kind of images in the cache, imageName the file in an entry.
const (
	kind      = "initramfs"
	imageName = "initramfs.cpio"
	// packagesName lists the packages in it, rootName is where they are unpacked.
	packagesName = "packages"
	rootName     = "root"
)

// The two programs of the image: u-root's init, and netstrip's own by its name under cmds.
const (
	initPackage  = "github.com/u-root/u-root/cmds/core/init"
	initBinary   = "init"
	cmdsPackage  = modulePath + "/initramfs/cmds/"
	uinitCommand = "uinit"
)

// Options say how to make the image. The zero value makes it in the user's cache, from the source
// of this program.
type Options struct {
	// Cache is where the image is kept; nil means the user's cache.
	Cache *cache.Cache
	// Arch is the guest's architecture; the zero value means the default.
	Arch arch.Arch
	// Module is the directory of netstrip's own module; empty means the version of this
	// program, or else the checkout it was compiled in.
	Module string
	// Uinit is the guest program under initramfs/cmds; empty means uinit, which runs the
	// probes. Tests use others.
	Uinit string
	// Modules, if set, is a directory of kernel modules with depmod's lists, for
	// /lib/modules/Release, with a modprobe for the kernel to call. The path must identify its
	// contents, as in the cache. Modprobe are the paths, besides /sbin/modprobe, at which the kernel
	// looks for it.
	Modules, Release string
	Modprobe         []string
	// Tools adds a shell and the usual small programs, for a session.
	Tools bool
	// Program, if set, is what a user's program needs.
	Program *bundle.Bundle
	// Init is what the kernel starts; the zero value is u-root's.
	Init Init
	// Apps, if set, run instead of the probes.
	Apps []wire.App
	// Probes, if set, are the patterns of the probes to ask, if they do not fit on the kernel's
	// command line.
	Probes string
	// Progress shows what Build does; nil means that nothing is shown.
	Progress *progress.Printer
}

// Image is an image that can be booted.
type Image struct {
	// Path is the archive, an uncompressed cpio.
	Path string
	// Key is a hash of everything that went into it. With modules or applications there are
	// several hashes joined by +, the first of which is that of the image without them.
	Key string
	// Bytes is its size.
	Bytes int64
	// Cached is set if it was in the cache.
	Cached bool
	// Packages are the Debian packages in it, as NAME_VERSION_ARCHITECTURE.
	Packages []string
}

// Build returns the image. It makes it if the cache has no intact one.
func Build(ctx context.Context, o Options) (*Image, error) {
	module, err := findModule(ctx, o.Module, o.Progress)
	if err != nil {
		return nil, err
	}
	c := o.Cache
	if c == nil {
		if c, err = cache.Open(""); err != nil {
			return nil, err
		}
	}
	if o.Arch.Name == "" {
		o.Arch = arch.Default()
	}
	b := builder{guestSource: guestSource{module, cmp.Or(o.Uinit, uinitCommand), o.Arch.GOARCH}, progress: o.Progress}
	if b.key, err = sourceKey(ctx, b.guestSource); err != nil {
		return nil, err
	}
	image := &Image{Key: b.key, Cached: true}
	dir, err := c.PublishSound(ctx, kind, b.key, func(dir string) error {
		image.Cached = false
		return b.fill(ctx, dir)
	})
	if err != nil {
		return nil, fmt.Errorf("building the initramfs: %w", err)
	}
	if err := image.measure(dir); err != nil {
		return nil, fmt.Errorf("building the initramfs: %w", err)
	}
	if o.Modules != "" {
		if image, err = image.withModules(ctx, c, o); err != nil {
			return nil, err
		}
	}
	if len(o.Apps) > 0 {
		if image, err = image.withApps(ctx, c, o.Apps); err != nil {
			return nil, err
		}
	}
	if o.Program != nil {
		if image, err = image.withProgram(ctx, c, o.Program); err != nil {
			return nil, err
		}
	}
	if o.Probes != "" {
		if image, err = image.withProbes(ctx, c, o.Probes); err != nil {
			return nil, err
		}
	}
	if o.Tools {
		if image, err = image.withTools(ctx, c, o); err != nil {
			return nil, err
		}
	}
	return image.withInit(ctx, c, o)
}

// measure reads the image's path, size and packages from the entry in dir.
func (i *Image) measure(dir string) error {
	i.Path = filepath.Join(dir, imageName)
	info, err := os.Stat(i.Path)
	if err != nil {
		return err
	}
	i.Bytes = info.Size()
	names, err := file.Read(filepath.Join(dir, packagesName), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	i.Packages = strings.Fields(string(names))
	return err
}

// builder makes one image.
type builder struct {
	guestSource
	key      string
	progress *progress.Printer
}

// fill makes the image in an empty directory.
func (b builder) fill(ctx context.Context, dir string) error {
	b.progress.Line("building the initramfs")
	// go build into a directory names each binary after the last part of its package.
	bin := filepath.Join(dir, "bin") + string(filepath.Separator)
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	// What a killed go build leaves is removed with dir.
	env := append(b.env(), "GOTMPDIR="+bin)
	_, err := process.Run(ctx, process.Command{
		Args:   append(append([]string{"go", "build"}, buildFlags()...), "-o", bin, initPackage, cmdsPackage+b.uinit),
		Dir:    b.module,
		Env:    env,
		OnLine: func(l string) { b.progress.State("building the initramfs: %s", l) },
	})
	if err != nil {
		return err
	}
	// The sources may have been edited: the key must describe what was compiled.
	now, err := sourceKey(ctx, b.guestSource)
	if err != nil {
		return err
	}
	if now != b.key {
		return errors.New("its sources changed while it was being built; build it again")
	}
	return writeArchive(filepath.Join(dir, imageName), filepath.Join(bin, initBinary), filepath.Join(bin, b.uinit))
}

// buildFlags make a small and reproducible binary.
func buildFlags() []string {
	return []string{"-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags=-s -w"}
}

// buildEnv is for the guest, whatever the user's settings. GOFLAGS repeats a flag, as an empty
// one would let the user's own apply (go help environment).
func buildEnv(goarch string) []string {
	return []string{
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + goarch, "GOAMD64=v1", "GOWORK=off",
		"GOFLAGS=-mod=readonly",
	}
}

package initramfs

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/u-root/mkuimage/cpio"
	"github.com/u-root/mkuimage/uimage/initramfs"

	"github.com/netstrip/netstrip/initramfs/bundle"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
)

// initTrees has a directory for each init that has files of netstrip's own.
//
//go:embed inits
var initTrees embed.FS

// packagesKind is the kind of downloaded packages in the cache.
const packagesKind = "packages"

// Init is a program that a kernel can be booted into, with what it needs to start the probes.
// The zero value is u-root's init.
type Init struct {
	// Name is its name, and About says in a line what it does.
	Name, About string
	// Path is the program in the image.
	Path string
	// Packages are the Debian packages with its files and their dependencies; netstrip's own
	// files are in inits/Name. Where Debian's releases call a package differently, all its names
	// are here, separated by "|". The packages stay those of the first download, so that results
	// do not change by themselves.
	Packages []string
	// Links are additional symbolic links, by name.
	Links map[string]string
	// Program, if set, is a program of the user's, with what it needs.
	Program *bundle.Bundle
	// MemoryMiB is the memory its guest needs; 0 means the default.
	MemoryMiB int
}

// Inits returns the inits, the simplest first.
func Inits() []Init {
	return []Init{
		{Name: "probe", Path: "/bin/uinit",
			About: "netstrip's guest program as process 1: it mounts four file systems and asks the probes"},
		{Name: "u-root", Path: "/init",
			About: "u-root's init, the default, which sets up lo"},
		{Name: "busybox", Path: "/sbin/init", Packages: []string{"busybox-static"},
			Links: map[string]string{"sbin/init": "/bin/busybox", "bin/sh": "busybox"},
			About: "busybox's init with a start script like that of small systems: mounts, lo, syslogd"},
		{Name: "systemd", Path: "/lib/systemd/systemd", Packages: systemdPackages(), MemoryMiB: 512,
			About: "Debian's systemd with journald, udevd, logind and D-Bus, up to multi-user.target"},
	}
}

// systemdPackages returns systemd, udev and the D-Bus system bus with their libraries. There is no
// shell, because their scripts are not run.
func systemdPackages() []string {
	return strings.Fields(`systemd udev dbus dbus-daemon dbus-bin dbus-system-bus-common mount libacl1 libapparmor1
		libargon2-1 libaudit1 libblkid1 libbz2-1.0 libc6 libcap-ng0 libcap2 libcrypt1 libcryptsetup12 libdbus-1-3
		libdevmapper1.02.1 libexpat1 libfdisk1 libffi8 libgcc-s1 libgcrypt20 libgpg-error0 libip4tc2 libjson-c5 libkmod2
		liblz4-1 liblzma5 libmount1 libp11-kit0 libpam0g libpcre2-8-0 libseccomp2 libselinux1 libsmartcols1 libssl3|libssl3t64
		libsystemd-shared libsystemd0 libudev1 libuuid1 libzstd1 zlib1g`)
}

// UserInit returns a program of the user's, at a path, as the init of guests of an architecture. It is
// named after the last part of the path.
func UserInit(path string, a arch.Arch) (Init, error) {
	path, err := filepath.Abs(path)
	i := Init{Name: filepath.Base(path), Path: path, Program: bundle.New(a, os.Getenv("PATH")), About: "a program of the user's"}
	if err == nil {
		err = i.Program.Program(path)
	}
	if err != nil {
		return i, fmt.Errorf("booting into a program: %w", err)
	}
	return i, nil
}

// LookupInit returns the init called name.
func LookupInit(name string) (Init, error) {
	var names []string
	for _, i := range Inits() {
		if i.Name == name {
			return i, nil
		}
		names = append(names, i.Name)
	}
	return Init{}, fmt.Errorf("no such init: %q; the inits are %s", name, strings.Join(names, ", "))
}

// KernelArgs returns the kernel arguments that start it and pass its name to the guest program.
func (i Init) KernelArgs() []string {
	if i.Name == "" {
		return nil
	}
	return []string{"rdinit=" + i.Path, wire.ParamInit + "=" + i.Name}
}

// Key is a hash of what defines the init, without the contents of its packages.
func (i Init) Key() string {
	i.About = ""
	program := ""
	if i.Program != nil {
		program, _ = i.Program.Key() // a file that has gone is found when the image is written
		i.Program = nil
	}
	h := sha256.New()
	if program != "" {
		part(h, "program", []byte(program))
	}
	part(h, "init", fmt.Appendf(nil, "%d %+v", layout, i))
	_ = i.walk(func(name string, data []byte) error { part(h, name, data); return nil })
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// walk calls each for netstrip's own files, with their names in the image.
func (i Init) walk(each func(name string, data []byte) error) error {
	root := "inits/" + i.Name
	return fs.WalkDir(initTrees, root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == root {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		data, err := initTrees.ReadFile(path)
		if err != nil {
			return err
		}
		return each(strings.TrimPrefix(path, root+"/"), data)
	})
}

// withInit returns the image followed by an archive with the files of an init.
func (i *Image) withInit(ctx context.Context, c *cache.Cache, o Options) (*Image, error) {
	if p := o.Init.Program; p != nil {
		return i.extend(ctx, c, o.Init.Name, o.Init.Key(), func(string) (*initramfs.Files, error) { return p.Files("") })
	}
	if len(o.Init.Packages) == 0 {
		return i, nil
	}
	return i.extend(ctx, c, o.Init.Name, o.Init.Key(), func(dir string) (*initramfs.Files, error) {
		packages, err := fetch(ctx, c, o)
		if err != nil {
			return nil, err
		}
		o.Progress.Line("building the initramfs with %s", o.Init.Name)
		return o.Init.files(ctx, o.Arch, packages, dir)
	})
}

// fetch returns a directory with the packages of an init.
func fetch(ctx context.Context, c *cache.Cache, o Options) (string, error) {
	key := keyOf("%s", strings.Join(o.Init.Packages, " ")+o.Arch.Label())
	return c.PublishSound(ctx, packagesKind, key, func(dir string) error {
		o.Progress.Line("downloading the packages of %s", o.Init.Name)
		err := o.Init.download(ctx, o.Arch, dir)
		if process.Missing(err) {
			err = fmt.Errorf("init %s consists of Debian packages, which only apt-get downloads: choose another init", o.Init.Name)
		}
		return err
	})
}

// download downloads the packages of an init into dir.
func (i Init) download(ctx context.Context, a arch.Arch, dir string) error {
	apt := func(program string, args ...string) (string, error) {
		// Without the first option apt warns that its sandbox user cannot write here.
		options := []string{program, "-q", "-o", "APT::Sandbox::User=root"}
		if lists := filepath.Join(dir, rootName); !a.Native() {
			// The system's package lists may lack those of another architecture.
			options = append(options, "-o", "APT::Architecture="+a.Debian, "-o", "APT::Architectures="+a.Debian,
				"-o", "Dir::State::Lists="+lists, "-o", "Dir::State::Status=/dev/null", "-o", "Dir::Cache="+lists)
		}
		return process.Output(ctx, process.Command{Args: append(options, args...), Dir: dir})
	}
	if !a.Native() {
		lists := filepath.Join(dir, rootName)
		defer os.RemoveAll(lists)
		if err := os.Mkdir(lists, 0o755); err != nil {
			return err
		}
		if _, err := apt("apt-get", "update"); err != nil {
			return err
		}
	}
	known, err := apt("apt-cache", "pkgnames")
	if err != nil {
		return err
	}
	_, err = apt("apt-get", append([]string{"download"}, packagesOf(i.Packages, strings.Fields(known))...)...)
	return err
}

// packagesOf returns each package by that of its names which is known, or else by the first.
func packagesOf(packages, known []string) (names []string) {
	for _, p := range packages {
		all := strings.Split(p, "|")
		i := slices.IndexFunc(all, func(name string) bool { return slices.Contains(known, name) })
		names = append(names, all[max(i, 0)])
	}
	return names
}

// distance sorts the packages named like the init first.
func (i Init) distance(deb string) int {
	if strings.HasPrefix(filepath.Base(deb), i.Name) {
		return 0
	}
	return 1
}

// mergeUsr adds the links from /lib to /usr/lib and the like that base-files has since Debian 13, whose
// packages have no files outside /usr.
func mergeUsr(root string) error {
	for _, name := range []string{"lib", "lib64"} {
		_, err := os.Lstat(filepath.Join(root, name))
		if _, usr := os.Stat(filepath.Join(root, "usr", name)); !errors.Is(err, fs.ErrNotExist) || usr != nil {
			continue
		}
		if err := os.Symlink("usr/"+name, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return nil
}

// files unpacks packages into dir, adds netstrip's own files, and returns all of them. The
// packages' scripts are not run.
func (i Init) files(ctx context.Context, a arch.Arch, packages, dir string) (*initramfs.Files, error) {
	root := filepath.Join(dir, rootName)
	debs, err := filepath.Glob(filepath.Join(packages, "*.deb"))
	if err != nil {
		return nil, err
	}
	// The init's own package comes first.
	slices.SortStableFunc(debs, func(a, b string) int { return i.distance(a) - i.distance(b) })
	var names strings.Builder
	for _, deb := range debs {
		if _, err := process.Run(ctx, process.Command{Args: []string{"dpkg-deb", "-x", deb, root}}); err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", filepath.Base(deb), err)
		}
		fmt.Fprintln(&names, strings.TrimSuffix(filepath.Base(deb), ".deb"))
	}
	if err := mergeUsr(root); err != nil {
		return nil, err
	}
	for _, unused := range []string{"usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/lib/" + a.Multiarch + "/gconv", "lib/udev/hwdb.d", "usr/lib/udev/hwdb.d"} {
		if err := os.RemoveAll(filepath.Join(root, unused)); err != nil {
			return nil, err
		}
	}
	if err := cache.WriteFile(filepath.Join(dir, packagesName), []byte(names.String())); err != nil {
		return nil, err
	}
	files := initramfs.NewFiles()
	if err := files.AddFileNoFollow(root, "."); err != nil {
		return nil, err
	}
	for name, target := range i.Links {
		if err := files.AddRecord(cpio.Symlink(name, target)); err != nil {
			return nil, err
		}
	}
	return files, i.walk(func(name string, data []byte) error {
		perm := uint64(0o644)
		if strings.HasPrefix(string(data), "#!") {
			perm = 0o755
		}
		delete(files.Files, name) // replaces a file of a package
		return files.AddRecord(cpio.StaticFile(name, string(data), perm))
	})
}

package kbuild

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
)

// modulesDir is where a kernel's entry has its modules, as below /lib/modules/VERSION.
const modulesDir = "modules"

// prebuiltInputs is Inputs for a kernel that is not compiled here. A distribution's is
// that of the day it was first asked for: what is measured should not change by itself.
func (b *Builder) prebuiltInputs(p kconfigs.Prebuilt) (string, error) {
	if p.Distro {
		return hash(append(moduleParts(), "distro", b.Source.Series())...), nil
	}
	image, err := fileSHA256(p.Image)
	if err != nil {
		return "", wrong(p.Image, err)
	}
	if p.Modules == "" {
		return hash("file", image), nil
	}
	order, err := fileSHA256(filepath.Join(p.Modules, "modules.order"))
	if err != nil {
		return "", wrong(p.Modules, errors.New("it is no directory of modules such as /lib/modules/6.12.1: no modules.order can be read there"))
	}
	return hash(append(moduleParts(), "file", image, p.Modules, order)...), nil
}

// wrong blames a file for what it is: whoever named it is to name another.
func wrong(file string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return &kconfigs.RequestError{Problems: []kconfigs.Problem{{File: file, Text: err.Error()}}}
}

// adopt puts a kernel that is not compiled here into the cache.
func (b *Builder) adopt(ctx context.Context, req kconfigs.Request, title string) (*Kernel, error) {
	j := &job{Builder: b, req: req, title: title}
	key, err := b.Inputs(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(b.Cache.Path(kindKernel, key)); err != nil { // it was not found whole
		return nil, fmt.Errorf("clearing a damaged kernel: %w", err)
	}
	_, err = b.Cache.Publish(ctx, kindKernel, key, func(dir string) error {
		p := *req.Prebuilt
		if !p.Distro {
			return j.fillPrebuilt(ctx, dir, key, p, "file "+p.Image, nil)
		}
		return j.fillDistro(ctx, dir, key)
	})
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", req.Profile, err)
	}
	j.key = key
	if err := j.writeIndex(ctx); err != nil {
		return nil, err
	}
	return b.load(key)
}

// fillDistro downloads Debian's cloud kernel, which has what a virtual machine needs
// built in, and unpacks it; dir becomes the kernel's entry.
func (j *job) fillDistro(ctx context.Context, dir, key string) error {
	pkg, err := cloudPackage(ctx, j.Source.Series())
	if err != nil {
		return err
	}
	j.Progress.Line("%s: downloading %s", j.title, pkg)
	tmp := filepath.Join(dir, "package")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	// The sandbox's own user may not write here, and apt would say so.
	run := process.Command{Args: []string{"apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", pkg}, Dir: tmp}
	if _, err := process.Run(ctx, run); err != nil {
		return fmt.Errorf("downloading %s: %w", pkg, err)
	}
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil || len(debs) != 1 {
		return fmt.Errorf("downloading %s: apt-get left %d packages", pkg, len(debs))
	}
	if _, err := process.Run(ctx, process.Command{Args: []string{"dpkg-deb", "-x", debs[0], tmp}}); err != nil {
		return fmt.Errorf("unpacking %s: %w", pkg, err)
	}
	version := strings.TrimPrefix(pkg, "linux-image-")
	config, err := os.ReadFile(filepath.Join(tmp, "boot", "config-"+version))
	if err != nil {
		return fmt.Errorf("reading %s: %w", pkg, err)
	}
	p := kconfigs.Prebuilt{
		Image: filepath.Join(tmp, "boot", "vmlinuz-"+version), Modules: filepath.Join(tmp, "lib/modules", version),
	}
	return j.fillPrebuilt(ctx, dir, key, p, "Debian "+strings.TrimSuffix(filepath.Base(debs[0]), ".deb"), config)
}

// cloudPackage names the package of Debian's newest cloud kernel of a series. The
// package of that name alone only depends on it.
func cloudPackage(ctx context.Context, series string) (string, error) {
	out, err := process.Output(ctx, "apt-cache", "--no-all-versions", "show",
		"linux-image-"+series+"-cloud-amd64", "linux-image-cloud-amd64")
	if process.Missing(err) {
		return "", errors.New("apt-cache is not installed: the profile is the kernel of a Debian package; name one of yours with --kernel")
	}
	// It fails where it does not know all of them, which 6.1 has no need of.
	m := regexp.MustCompile(`(?m)^Depends: (linux-image-` + regexp.QuoteMeta(series) + `\.\S*-cloud-amd64)`).FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("apt-cache knows no cloud kernel of Linux %s: apt-get update; or name a kernel of yours with --kernel", series)
	}
	return m[1], nil
}

// fillPrebuilt makes dir the entry of a kernel in a file. Config may be nil.
func (j *job) fillPrebuilt(ctx context.Context, dir, key string, p kconfigs.Prebuilt, source string, config []byte) error {
	k := Kernel{Key: key, Source: source, Compiler: compilerOf(config)}
	image := filepath.Join(dir, imageFile)
	var err error
	if k.ImageBytes, err = copyFile(image, p.Image); err != nil {
		return err
	}
	if k.Version, err = versionOf(image); err != nil {
		return wrong(p.Image, err)
	}
	if k.ImageSHA256, err = fileSHA256(image); err != nil {
		return err
	}
	k.BootSHA256 = k.ImageSHA256
	if config != nil {
		k.ConfigSHA256 = hash(string(config))
		if err := cache.WriteFile(filepath.Join(dir, configFile), config); err != nil {
			return err
		}
	}
	if p.Modules != "" {
		if err := j.copyModules(ctx, filepath.Join(dir, modulesDir), p.Modules, k.Version); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(k, "", "\t")
	if err != nil {
		return fmt.Errorf("writing down the kernel: %w", err)
	}
	return cache.WriteFile(filepath.Join(dir, infoFile), append(data, '\n'))
}

// compilerOf finds the compiler in a .config; builds write it down themselves.
func compilerOf(config []byte) string {
	m := regexp.MustCompile(`(?m)^CONFIG_CC_VERSION_TEXT="(.*)"$`).FindSubmatch(config)
	if m == nil {
		return "unknown"
	}
	return string(m[1])
}

// versionOf finds the release in a bzImage, whose boot header leads to it
// (Documentation/arch/x86/boot.rst, kernel_version), or in a vmlinux.
func versionOf(image string) (string, error) {
	data, err := os.ReadFile(image)
	if err != nil {
		return "", err
	}
	text := []byte{}
	if _, rest, ok := bytes.Cut(data, []byte("Linux version ")); ok && bytes.HasPrefix(data, []byte("\x7fELF")) {
		text = rest
	} else if len(data) > 0x210 && string(data[0x202:0x206]) == "HdrS" {
		if at := 0x200 + int(binary.LittleEndian.Uint16(data[0x20e:])); at < len(data) {
			text = data[at:]
		}
	}
	version := regexp.MustCompile(`^\d+\.\d+[-+~.\w]{0,60}`).Find(text)
	if version == nil {
		return "", errors.New("it is no x86 kernel image: there is no version in it")
	}
	return string(version), nil
}

// moduleParts are the directories of modules that may have to do with networking, sockets
// or virtual machines.
func moduleParts() []string {
	return []string{
		"net", "crypto", "lib", "arch", "drivers/char", "drivers/net", "drivers/virtio", "drivers/vhost", "drivers/block",
		"fs/fuse", "fs/9p", "fs/netfs",
	}
}

// depmodPath finds depmod, which for a plain user is not in PATH.
func depmodPath() (string, error) {
	path, err := exec.LookPath("depmod")
	if err != nil {
		path, err = exec.LookPath("/sbin/depmod")
	}
	if err != nil {
		return "", errors.New("depmod is not installed: it is in Debian's package kmod")
	}
	return path, nil
}

// copyModules copies the modules of those parts, and has depmod list what they need of
// each other.
func (j *job) copyModules(ctx context.Context, to, from, version string) error {
	depmod, err := depmodPath()
	if err != nil {
		return err
	}
	// depmod wants them where a system has them.
	root := filepath.Join(filepath.Dir(to), "root")
	defer os.RemoveAll(root)
	dir := filepath.Join(root, "lib/modules", version)
	for _, part := range moduleParts() {
		if err := copyTree(filepath.Join(dir, "kernel", part), filepath.Join(from, "kernel", part)); err != nil {
			return fmt.Errorf("copying the modules: %w", err)
		}
	}
	for _, list := range []string{"modules.builtin", "modules.builtin.modinfo", "modules.order"} {
		if _, err := copyFile(filepath.Join(dir, list), filepath.Join(from, list)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if _, err := process.Run(ctx, process.Command{Args: []string{depmod, "-b", root, version}}); err != nil {
		return fmt.Errorf("listing what modules depend on: %w", err)
	}
	return os.Rename(dir, to)
}

// copyTree copies what of a tree is there, but the drivers of hardware that no guest of
// ours has.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path == from:
			return nil
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "ethernet" || d.Name() == "wireless"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, path[len(from):]), 0o755)
		}
		_, err = copyFile(filepath.Join(to, path[len(from):]), path)
		return err
	})
}

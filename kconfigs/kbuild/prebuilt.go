package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/kernel"
	"github.com/netstrip/netstrip/kconfigs/packed"
	"github.com/netstrip/netstrip/kconfigs/process"
)

// modulesDir is the directory of a kernel's modules in its entry, like /lib/modules/VERSION. Its
// name changes whenever netstrip chooses other modules, because entries with an older name lack
// some.
const modulesDir = "modules2"

// prebuiltInputs is Inputs for a kernel that is not compiled here. A distribution's kernel
// stays the one that was first downloaded, so that results do not change by themselves.
func (b *Builder) prebuiltInputs(p kconfigs.Prebuilt) (string, error) {
	if p.Distro {
		return cache.Key(modulesDir, "distro", b.Source.Series()), nil
	}
	image, err := fileSHA256(p.Image)
	if err != nil {
		return "", wrong(p.Image, err)
	}
	if p.Modules == "" {
		return cache.Key("file", image), nil
	}
	order, err := fileSHA256(filepath.Join(p.Modules, "modules.order"))
	if err != nil {
		return "", wrong(p.Modules, errors.New("not a directory of modules such as /lib/modules/6.12.1: cannot read its modules.order"))
	}
	return cache.Key(modulesDir, "file", image, p.Modules, order), nil
}

// wrong returns a RequestError about a file that the user named.
func wrong(name string, err error) error {
	return &kconfigs.RequestError{Problems: []kconfigs.Problem{{File: name, Text: file.Cause(err).Error()}}}
}

// adopt copies a kernel that is not compiled here into the cache.
func (b *Builder) adopt(ctx context.Context, req kconfigs.Request, title string) (*Kernel, error) {
	j := &job{Builder: b, asked: req, req: req, title: title}
	key, err := b.Inputs(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(b.Cache.Path(kindKernel, key)); err != nil {
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
		if !req.Prebuilt.Distro {
			return nil, fmt.Errorf("reading the kernel %s: %w", req.Prebuilt.Image, err)
		}
		return nil, fmt.Errorf("fetching %s: %w", req.Profile, err)
	}
	j.key = key
	if err := j.writeIndex(ctx); err != nil {
		return nil, err
	}
	return b.load(key)
}

// fillDistro downloads and unpacks Debian's cloud kernel, which has the drivers of a virtual
// machine built in; dir becomes the kernel's entry.
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
	// Without this apt warns that its sandbox user cannot write here.
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
	config, err := file.Read(filepath.Join(tmp, "boot", "config-"+version), maxConfig)
	if err != nil {
		return fmt.Errorf("reading %s: %w", pkg, err)
	}
	p := kconfigs.Prebuilt{
		Image: filepath.Join(tmp, "boot", "vmlinuz-"+version), Modules: filepath.Join(tmp, "lib/modules", version),
	}
	return j.fillPrebuilt(ctx, dir, key, p, "Debian "+strings.TrimSuffix(filepath.Base(debs[0]), ".deb"), config)
}

// cloudPackage returns the package of Debian's newest cloud kernel of a series, on which the
// package without a version depends.
func cloudPackage(ctx context.Context, series string) (string, error) {
	show := []string{"apt-cache", "--no-all-versions", "show", "linux-image-" + series + "-cloud-amd64", "linux-image-cloud-amd64"}
	out, err := process.Output(ctx, process.Command{Args: show})
	if process.Missing(err) {
		return "", errors.New("this profile is a kernel from a Debian package, which only apt-get downloads; name a kernel with --kernel")
	}
	// It fails if it does not know both names, and one is enough for 6.1.
	m := regexp.MustCompile(`(?m)^Depends: (linux-image-` + regexp.QuoteMeta(series) + `\.\S*-cloud-amd64)`).FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("apt-cache lists no cloud kernel of Linux %s: run apt-get update, or name a kernel with --kernel", series)
	}
	return m[1], nil
}

// fillPrebuilt fills dir with a kernel from files. Config may be nil.
func (j *job) fillPrebuilt(ctx context.Context, dir, key string, p kconfigs.Prebuilt, source string, config []byte) error {
	k := Kernel{Built: kernel.Built{Key: key, Source: source, Compiler: compilerOf(nil), Arch: j.arch().Label()}}
	image := filepath.Join(dir, j.arch().Target)
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
	if config == nil {
		config = configOf(p.Image)
	}
	if config != nil {
		k.Compiler = compilerOf(config)
		k.ConfigSHA256 = sum(config)
		if err := cache.WriteFile(filepath.Join(dir, configFile), config); err != nil {
			return err
		}
	}
	if p.Modules != "" {
		if err := copyModules(ctx, filepath.Join(dir, modulesDir), p.Modules, k.Version); err != nil {
			return err
		}
	}
	return k.write(dir)
}

// configOf returns the .config in a kernel image, or in the file config-VERSION that
// distributions install with it; nil if there is neither.
func configOf(image string) []byte {
	const most = 8 << 20
	if data, err := file.Read(image, packed.MaxImage); err == nil {
		if config, err := packed.Config(data, most); err == nil {
			return config
		}
	}
	if version, ok := strings.CutPrefix(filepath.Base(image), "vmlinuz-"); ok {
		if config, err := file.Read(filepath.Join(filepath.Dir(image), "config-"+version), most); err == nil {
			return config
		}
	}
	return nil
}

// compilerOf returns the compiler in a .config.
func compilerOf(config []byte) string {
	m := regexp.MustCompile(`(?m)^CONFIG_CC_VERSION_TEXT="(.*)"$`).FindSubmatch(config)
	if m == nil {
		return "unknown"
	}
	return string(m[1])
}

// versionOf returns the release of a kernel image.
func versionOf(image string) (string, error) {
	data, err := file.Read(image, maxImage)
	if err != nil {
		return "", err
	}
	text := []byte{}
	if head, ok := packed.ParseBzImage(data); ok {
		text = data[min(head.Version, int64(len(data))):]
	} else if packed.IsImage(data) {
		_, text, _ = bytes.Cut(data, []byte("Linux version "))
	}
	version := regexp.MustCompile(`^\d+\.\d+[-+~.\w]{0,60}`).Find(text)
	if version == nil {
		return "", errors.New("not a kernel image for an architecture that netstrip knows, or one without its version")
	}
	return string(version), nil
}

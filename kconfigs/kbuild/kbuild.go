// Package kbuild makes kernels: kernel source and a request in, a kernel in a
// content-addressed cache out. It runs on the host.
//
// A kernel's key is a hash of its final .config, the source, the compiler and the
// build's environment. An index leads from requests to keys, so that finding a
// kernel again runs no make. All kernels of one source, compiler and start of their
// configs are made one after the other in one object tree, where kbuild compiles again
// only what mentions a changed symbol: seven kernels cost less than three made apart.
// A source tree that somebody edits keeps its object tree, and make compiles what changed.
// Kernels that somebody else compiled, and their modules, are taken into the same cache.
//
// What kbuild is asked for is not what it gives: the final .config is compared with
// the request before the build and again after it.
package kbuild

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
	"runtime"
	"sync"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/kernel"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

// The kinds of entries in the cache, and the files of a kernel.
const (
	kindKernel = "kernel"
	kindIndex  = "kernel-index"
	kindObject = "obj"
	kindSource = "source"

	imageFile  = "bzImage"
	bootFile   = "vmlinux"
	configFile = "config"
	infoFile   = "kernel.json"
)

// Kernel is a kernel that was built.
type Kernel struct {
	kernel.Built
	// Dir is where it stands, Image its bzImage, and Config its final .config. Boot is
	// what QEMU starts: vmlinux without symbols, or Image where it lacks CONFIG_PVH.
	// Modules is the directory of its modules; empty means that it has none here.
	Dir     string `json:"-"`
	Image   string `json:"-"`
	Boot    string `json:"-"`
	Config  string `json:"-"`
	Modules string `json:"-"`
	// ImageSHA256 and BootSHA256 are the hashes of Image and Boot, by which damaged ones
	// are told.
	ImageSHA256 string `json:"image_sha256"`
	BootSHA256  string `json:"boot_sha256"`
	// Directories are the sizes by directory of the source; none of a kernel that was
	// compiled elsewhere.
	Directories []Directory `json:"directories,omitempty"`
	// Objects is how many objects were compiled or assembled for it, given what its
	// predecessor had left in the object tree.
	Objects int `json:"objects"`
	// CacheHits is how many of all that the compiler was called for ccache had.
	CacheHits int `json:"ccache_hits"`
	// CPUSeconds and WallSeconds are what its build took, once it was configured.
	CPUSeconds  float64 `json:"cpu_seconds"`
	WallSeconds float64 `json:"wall_seconds"`
	// Cached says that it was there and nothing was compiled.
	Cached bool `json:"-"`
}

// Builder builds kernels. Cache and Source must be set.
type Builder struct {
	Cache    *cache.Cache
	Source   *Source
	Progress *progress.Printer
	// Jobs is how many compilers run at a time; 0 means one for each processor.
	Jobs int

	// open is Kconf, but in tests of trees that have no Kconfig code.
	open func(ctx context.Context) (configurer, error)

	once        sync.Once
	compiler    string
	compilerErr error
}

// Made returns the kernel whose final .config is known, if it has been built.
func (b *Builder) Made(ctx context.Context, final []byte) (*Kernel, bool, error) {
	compiler, err := b.compilerID(ctx)
	if err != nil {
		return nil, false, err
	}
	k, err := b.load(b.keyOf(final, compiler))
	if err != nil {
		return nil, false, nil // not there, or damaged: Build makes it
	}
	k.Cached = true
	return k, true, nil
}

// BuildAll builds what is not there of reqs, in their order, and calls each with the
// number, from 0, and kernel or error of every one as soon as it is known. One that
// cannot be built does not stop the others; the error joins all there were.
func (b *Builder) BuildAll(ctx context.Context, reqs []kconfigs.Request, each func(i int, k *Kernel, err error)) error {
	var todo []int
	var errs []error
	first := map[string]kconfigs.Request{} // the first for a kernel
	done := func(i int, k *Kernel, err error) {
		if err != nil {
			errs = append(errs, err)
		} else if other, twice := first[k.Key]; !twice {
			first[k.Key] = reqs[i]
		} else if other.Text() != reqs[i].Text() || other.Start != reqs[i].Start {
			b.Progress.Line("%s is the same kernel as %s: what it asks for otherwise changes nothing", reqs[i].Profile, other.Profile)
		}
		if each != nil {
			each(i, k, err)
		}
	}
	for i, req := range reqs {
		k, ok, err := b.Cached(ctx, req)
		if err != nil || ok {
			done(i, k, err)
			continue
		}
		todo = append(todo, i)
	}
	conf := &lazy{builder: b}
	defer conf.close()
	for n, i := range todo {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		title := fmt.Sprintf("kernel %d of %d, %s", n+1, len(todo), reqs[i].Profile)
		k, err := b.build(ctx, reqs[i], title, conf)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		done(i, k, err)
	}
	return errors.Join(errs...)
}

// Build returns the kernel for req, building it if it is not there.
func (b *Builder) Build(ctx context.Context, req kconfigs.Request) (k *Kernel, err error) {
	err = b.BuildAll(ctx, []kconfigs.Request{req}, func(_ int, got *Kernel, _ error) { k = got })
	return k, err
}

// Inputs is a hash of all that goes into req's kernel. Unlike the kernel's key it is
// known before the kernel has been configured.
func (b *Builder) Inputs(ctx context.Context, req kconfigs.Request) (string, error) {
	if req.Prebuilt != nil {
		return b.prebuiltInputs(*req.Prebuilt)
	}
	compiler, err := b.compilerID(ctx)
	if err != nil {
		return "", err
	}
	return inputs(req, b.Source.ID, compiler), nil
}

// inputs is Inputs of a kernel that is compiled here.
func inputs(req kconfigs.Request, source, compiler string) string {
	parts := []string{req.Text(), source, compiler, recipe()}
	if s := req.Start; s.Text != "" {
		parts = append(parts, s.Text)
	} else if s.Name != "" {
		parts = append(parts, s.Name)
	}
	return hash(parts...)
}

// load reads the kernel with the given key, and finds out whether it is whole.
func (b *Builder) load(key string) (*Kernel, error) {
	b.Cache.Use(kindKernel, key)
	dir := b.Cache.Path(kindKernel, key)
	data, err := file.Read(filepath.Join(dir, infoFile), maxConfig)
	if err != nil {
		return nil, err
	}
	k := &Kernel{}
	if err := json.Unmarshal(data, k); err != nil {
		return nil, fmt.Errorf("parsing %s: %w", filepath.Join(dir, infoFile), err)
	}
	k.Dir, k.Config = dir, filepath.Join(dir, configFile)
	k.Image, k.Boot = filepath.Join(dir, imageFile), filepath.Join(dir, bootFile)
	if k.BootSHA256 == k.ImageSHA256 {
		k.Boot = k.Image
	}
	if m := filepath.Join(dir, modulesDir); isDir(m) {
		k.Modules = m
	} else if k.lacksModules() {
		return nil, fmt.Errorf("the kernel %s is there without its modules", dir)
	}
	// Some 10 ms, and a kernel cut short would be taken for a silent one.
	for path, want := range map[string]string{k.Image: k.ImageSHA256, k.Boot: k.BootSHA256} {
		sum, err := fileSHA256(path)
		if err != nil {
			return nil, err
		}
		if sum != want || k.Key != key {
			return nil, fmt.Errorf("the kernel %s is damaged", dir)
		}
	}
	return k, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// maxImage bounds a kernel, in bytes: a vmlinux with all that a debugger asks for has some
// 500 MB.
const maxImage = 2 << 30

func fileSHA256(path string) (string, error) {
	f, err := file.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, maxImage+1))
	if err == nil && n > maxImage {
		err = fmt.Errorf("%w: more than %d bytes", file.ErrTooLong, maxImage)
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

func (b *Builder) jobs() int {
	if b.Jobs > 0 {
		return b.Jobs
	}
	return runtime.GOMAXPROCS(0)
}

// hash is a name for its parts: a SHA-256 in hexadecimal.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

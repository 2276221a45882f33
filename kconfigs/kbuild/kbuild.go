// Package kbuild builds kernels from a kernel source and a request into a
// content-addressed cache. It runs on the host.
//
// A kernel's key is a hash of its final .config, the source, the compiler and the build's
// environment. An index maps requests to keys, so that finding a kernel runs no make.
// Kernels of the same source, compiler and start are built one after the other in one
// object tree, where kbuild recompiles only what mentions a changed symbol: seven kernels
// cost less than three built separately. A source tree that is being edited keeps its
// object tree, and make compiles what changed. Kernels compiled elsewhere are copied into
// the same cache, with their modules.
//
// Kconfig may not do what a request says: the final .config is compared with the request
// before the build and again after it.
package kbuild

import (
	"cmp"
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
	"slices"
	"sync"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/kernel"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// The kinds of entries in the cache, and the files of a kernel.
const (
	kindKernel = "kernel"
	kindIndex  = "kernel-index"
	kindObject = "obj"

	bootFile   = "vmlinux"
	configFile = "config"
	infoFile   = "kernel.json"
)

// Kernel is a kernel in the cache.
type Kernel struct {
	kernel.Built
	// Dir is its directory, Image its image (bzImage, or Image), and Config its final .config. Boot is what
	// QEMU starts: vmlinux without symbols, or Image if it lacks CONFIG_PVH. Modules is the
	// directory of its modules, or empty.
	Dir     string `json:"-"`
	Image   string `json:"-"`
	Boot    string `json:"-"`
	Config  string `json:"-"`
	Modules string `json:"-"`
	// ImageSHA256 and BootSHA256 are the hashes of Image and Boot, which reveal damage.
	ImageSHA256 string `json:"image_sha256"`
	BootSHA256  string `json:"boot_sha256"`
	// Directories are the sizes by directory of the source; nil for a kernel that was
	// compiled elsewhere.
	Directories []Directory `json:"directories,omitempty"`
	// Objects is the number of objects compiled or assembled for it, besides those left in
	// the object tree by its predecessor.
	Objects int `json:"objects"`
	// CacheHits is how many compiler calls ccache answered.
	CacheHits int `json:"ccache_hits"`
	// CPUSeconds and WallSeconds are the duration of the build, without configuration.
	CPUSeconds  float64 `json:"cpu_seconds"`
	WallSeconds float64 `json:"wall_seconds"`
	// Cached is set if it was found and nothing was compiled.
	Cached bool `json:"-"`
}

// Builder builds kernels. Cache and Source must be set; Open sets them.
type Builder struct {
	Cache    *cache.Cache
	Source   *source.Source
	Progress *progress.Printer
	// Arch is the architecture of its kernels; the zero value means the default.
	Arch arch.Arch
	// Jobs is the number of parallel compilers; 0 means one for each processor.
	Jobs int

	// open replaces Kconf in tests of trees that have no Kconfig code.
	open func(ctx context.Context) (configurer, error)

	once        sync.Once
	compiler    string
	compilerErr error
}

// Open returns a builder with the cache in dir, "" meaning the user's. If only the source cannot be
// opened, the error comes with a builder for what needs no source.
func Open(ctx context.Context, dir string, o source.Options) (*Builder, error) {
	c, err := cache.Open(dir)
	if err != nil {
		return nil, err
	}
	c.OnWait = func(what string) { o.Progress.Line("waiting for another netstrip that uses %s", what) }
	o.Cache = c
	src, err := source.Open(ctx, o)
	a, aerr := arch.Parse(o.Arch)
	return &Builder{Cache: c, Source: src, Arch: a, Progress: o.Progress}, cmp.Or(err, aerr) // both may be the same
}

// Made returns the kernel of a final .config, if it has been built.
func (b *Builder) Made(ctx context.Context, final []byte) (*Kernel, bool, error) {
	compiler, err := b.compilerID(ctx)
	if err != nil {
		return nil, false, err
	}
	k, err := b.load(b.keyOf(final, compiler))
	if err != nil {
		return nil, false, nil // missing or damaged: Build makes it
	}
	k.Cached = true
	return k, true, nil
}

// BuildAll builds the missing kernels of reqs in order, and calls each with the index and
// the kernel or error of every one as soon as it is known. A failure does not stop the
// others; the error joins all failures. But nothing is built if there is no source, or if it
// lacks symbols that the requests name.
func (b *Builder) BuildAll(ctx context.Context, reqs []kconfigs.Request, each func(i int, k *Kernel, err error)) error {
	var todo []int
	var errs []error
	first := map[string]kconfigs.Request{} // by kernel
	done := func(i int, k *Kernel, err error) {
		if err != nil {
			errs = append(errs, err)
		} else if other, twice := first[k.Key]; !twice {
			first[k.Key] = reqs[i]
		} else if other.Text() != reqs[i].Text() || other.Start != reqs[i].Start {
			b.Progress.Line("%s is the same kernel as %s: the difference in their requests has no effect", reqs[i].Profile, other.Profile)
		}
		if each != nil {
			each(i, k, err)
		}
	}
	if slices.ContainsFunc(reqs, func(r kconfigs.Request) bool { return r.Prebuilt == nil }) {
		if err := b.Source.Fetch(ctx); err != nil {
			return err // the same for every kernel
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
	var missing []kconfigs.Request
	for _, i := range todo {
		missing = append(missing, reqs[i])
	}
	if err := b.checkAll(ctx, missing, conf); err != nil {
		return err
	}
	titles, tasks := make([]string, len(todo)), make([]*progress.Task, len(todo))
	for n, i := range todo {
		titles[n] = fmt.Sprintf("kernel %d of %d, %s", n+1, len(todo), reqs[i].Profile)
		tasks[n] = b.Progress.Task(titles[n])
		defer tasks[n].End()
	}
	for n, i := range todo {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k, err := b.build(ctx, reqs[i], titles[n], tasks[n], conf)
		tasks[n].End()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		done(i, k, err)
	}
	return errors.Join(errs...)
}

// Build returns the kernel for req, and builds it if it is missing.
func (b *Builder) Build(ctx context.Context, req kconfigs.Request) (k *Kernel, err error) {
	err = b.BuildAll(ctx, []kconfigs.Request{req}, func(_ int, got *Kernel, _ error) { k = got })
	return k, err
}

// Inputs returns a hash of everything that goes into req's kernel. Unlike the kernel's key,
// it is known before the kernel is configured.
func (b *Builder) Inputs(ctx context.Context, req kconfigs.Request) (string, error) {
	if req.Prebuilt != nil {
		return b.prebuiltInputs(*req.Prebuilt)
	}
	if err := b.Source.Fetch(ctx); err != nil {
		return "", err
	}
	compiler, err := b.compilerID(ctx)
	if err != nil {
		return "", err
	}
	return inputs(req, b.Source.ID, compiler, b.arch()), nil
}

// inputs is Inputs for a kernel that is compiled here.
func inputs(req kconfigs.Request, source, compiler string, a arch.Arch) string {
	parts := []string{req.Text(), source, compiler, recipe(a)}
	if s := req.Start; s.Text != "" {
		parts = append(parts, s.Text)
	} else if s.Name != "" {
		parts = append(parts, s.Name)
	}
	return cache.Key(parts...)
}

// load returns the kernel with the given key, and an error if it is damaged.
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
	a, err := arch.Labelled(k.Arch)
	if err != nil {
		return nil, err
	}
	k.Image, k.Boot = filepath.Join(dir, a.Target), filepath.Join(dir, bootFile)
	if k.BootSHA256 == k.ImageSHA256 {
		k.Boot = k.Image
	}
	if m := filepath.Join(dir, modulesDir); isDir(m) {
		k.Modules = m
	} else if k.lacksModules() {
		return nil, fmt.Errorf("the kernel %s lacks its modules", dir)
	}
	// This takes 10 ms, and a truncated kernel would look like a silent one.
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

// maxImage is the largest size of a kernel in bytes: a vmlinux with all debugging information
// has about 500 MB.
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

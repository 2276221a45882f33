package kbuild

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/kernel"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

// logFile, in the object tree, is the output of make in the last build.
const logFile = ".netstrip-log"

// job is the build of one kernel in the object tree.
type job struct {
	*Builder
	asked    kconfigs.Request // as requested
	req      kconfigs.Request // for the symbols that the source has
	title    string           // for progress
	task     *progress.Task   // nil if it is not to be built
	conf     configurer
	compiler string
	key      string // of the kernel
	final    []byte // its .config
	tree     string // the source
	obj      string // the object tree
	tmp      string // the compiler's temporary files
	lock     *os.File
	start    time.Time
	cpu      time.Duration
	objects  int
	hits     int
}

// build makes the kernel for req.
func (b *Builder) build(ctx context.Context, req kconfigs.Request, title string, task *progress.Task, conf *lazy) (*Kernel, error) {
	if err := b.checkArch(req); err != nil {
		return nil, err
	}
	if req.Prebuilt != nil {
		return b.adopt(ctx, req, title)
	}
	k, err := b.prepare(ctx, req, title, task, conf)
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("building %s: %w", req.Profile, err)
	}
	return k, err
}

// prepare configures the kernel, and builds it unless one with the same .config exists.
func (b *Builder) prepare(ctx context.Context, req kconfigs.Request, title string, task *progress.Task, conf *lazy) (*Kernel, error) {
	j := &job{Builder: b, asked: req, req: req, title: title, task: task}
	if err := checkTools(ctx, b.arch()); err != nil {
		return nil, err
	}
	if strings.ContainsAny(b.Cache.Dir, " :") {
		return nil, fmt.Errorf("the cache %q: kbuild does not support paths with a space or a colon; set %s", b.Cache.Dir, cache.Env)
	}
	var err error
	if j.tree, err = b.Source.Tree(ctx); err != nil {
		return nil, err
	}
	if j.compiler, err = b.compilerID(ctx); err != nil {
		return nil, err
	}
	if j.conf, err = conf.get(ctx); err != nil {
		return nil, err
	}
	if j.final, err = j.configure(ctx); err != nil {
		return nil, err
	}
	j.key = b.keyOf(j.final, j.compiler)
	if k, err := j.found(ctx); k != nil {
		return k, err
	}
	if err := checkConfigTools(ctx, j.final); err != nil { // before minutes of building
		return nil, err
	}
	name := j.objectTree()
	j.obj = b.Cache.Path(kindObject, name)
	if j.lock, err = b.Cache.Lock(ctx, kindObject+"-"+name); err != nil {
		return nil, err
	}
	defer j.lock.Close()
	if k, err := j.found(ctx); k != nil { // built by the previous holder of the lock
		return k, err
	}
	j.start = time.Now()
	return j.run(ctx)
}

// found returns the kernel of the final .config if it exists: another request may have led
// to it.
func (j *job) found(ctx context.Context) (*Kernel, error) {
	k, err := j.load(j.key)
	if err != nil {
		return nil, nil // missing or damaged
	}
	k.Cached = true
	j.Progress.Line("%s: identical .config already built; reusing it", j.title)
	return k, j.writeIndex(ctx)
}

// guard removes the compiler's temporary files if netstrip dies, and an object tree that no other
// process will use.
func (j *job) guard() (done func(), err error) {
	files, err := process.Guard(j.tmp, j.lock)
	if _, once := j.Cache.Alone(); !once || err != nil {
		return files, err
	}
	tree, err := process.Guard(j.obj, j.lock)
	if err != nil {
		files()
		return nil, err
	}
	return func() { tree(); files() }, nil
}

// clear removes the kernel if it is damaged.
func (j *job) clear() error {
	if _, err := j.load(j.key); err == nil || !j.Cache.Has(kindKernel, j.key) {
		return nil
	}
	if err := j.Cache.Remove(kindKernel, j.key); err != nil {
		return fmt.Errorf("clearing a damaged kernel: %w", err)
	}
	return nil
}

// run builds and publishes the kernel, with the lock on the object tree held.
func (j *job) run(ctx context.Context) (*Kernel, error) {
	if err := j.followTree(ctx); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(j.obj, 0o755); err != nil {
		return nil, fmt.Errorf("making the object tree: %w", err)
	}
	if err := recoverTree(j.obj); err != nil {
		return nil, err
	}
	// A killed compiler leaves its temporary files behind.
	j.tmp = filepath.Join(j.Cache.Dir, "tmp", kindObject+"-"+filepath.Base(j.obj))
	guarded, err := j.guard()
	if err != nil {
		return nil, err
	}
	defer guarded()
	if err := os.MkdirAll(j.tmp, 0o755); err != nil {
		return nil, fmt.Errorf("making the compiler's temporary directory: %w", err)
	}
	if err := j.clear(); err != nil {
		return nil, err
	}
	path := filepath.Join(j.obj, ".config")
	// An unchanged .config must keep its time, or kbuild would check everything again.
	if had, err := file.Read(path, maxConfig); err != nil || !bytes.Equal(had, j.final) {
		if err := cache.WriteFile(path, j.final); err != nil {
			return nil, err
		}
	}
	if err := j.compile(ctx); err != nil {
		return nil, err
	}
	after, err := file.Read(path, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("reading the final .config: %w", err)
	}
	if !bytes.Equal(after, j.final) {
		return nil, fmt.Errorf("make %s changed the .config", j.arch().Target)
	}
	if err := j.Source.CheckUnchanged(ctx); err != nil {
		os.Remove(filepath.Join(j.obj, manifestFile)) // an object may be of either version
		return nil, err
	}
	if _, err := j.Cache.Publish(ctx, kindKernel, j.key, func(dir string) error { return j.fill(ctx, dir) }); err != nil {
		return nil, err
	}
	if err := j.writeIndex(ctx); err != nil {
		return nil, err
	}
	k, err := j.load(j.key)
	if err == nil {
		j.Progress.Line("%s: built in %.0f s, %d objects compiled", j.title, k.WallSeconds, k.Objects)
	}
	return k, err
}

// targets returns the targets for make.
func (j *job) targets() []string {
	if modular(j.final) {
		return []string{j.arch().Target, "modules"}
	}
	return []string{j.arch().Target}
}

// compile makes the image and the modules, if any, and counts what is compiled.
func (j *job) compile(ctx context.Context) error {
	path := filepath.Join(j.obj, logFile)
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("making the build's log: %w", err)
	}
	defer f.Close()
	log := bufio.NewWriter(f)
	defer log.Flush()
	likely := j.likely()
	onLine := func(line string) {
		fmt.Fprintln(log, line)
		if isObject(line) {
			j.objects++
		}
		j.task.State("%s", likely.progress(j.objects, time.Since(j.start)))
	}
	if err := markBuilding(j.obj); err != nil {
		return err
	}
	env, calls, err := j.ccache()
	if err == nil {
		err = j.make(ctx, onLine, env, append(j.targets(), "-j"+strconv.Itoa(j.jobs()))...)
	}
	if err == nil {
		j.hits, err = cacheHits(calls)
	}
	if ctx.Err() != nil {
		return ctx.Err() // the mark stays, as make may leave incomplete files
	}
	if err != nil {
		err = fmt.Errorf("%w (full output: %s)", err, path)
	}
	return errors.Join(err, unmarkBuilding(j.obj))
}

// isObject reports whether a line of make's output is about an object of the kernel, rather
// than of a host program.
func isObject(line string) bool {
	words := strings.Fields(line)
	return len(words) >= 2 && (words[0] == "CC" || words[0] == "AS")
}

// make runs kbuild's make. It inherits the lock on the object tree, which is held until the
// last compiler has ended.
func (j *job) make(ctx context.Context, onLine func(string), env []string, args ...string) error {
	all := append([]string{"make", "-C", j.tree, "O=" + j.obj}, variables(j.arch())...)
	usage, err := process.Run(ctx, process.Command{
		Args:   append(all, args...),
		Env:    append(append(environment(), "TMPDIR="+j.tmp), env...),
		OnLine: onLine,
		Files:  []*os.File{j.lock},
	})
	j.cpu += usage.CPU
	return err
}

// fill writes a kernel's files to dir.
func (j *job) fill(ctx context.Context, dir string) error {
	a := j.arch()
	image := filepath.Join(dir, a.Target)
	k := Kernel{
		Built:   kernel.Built{Arch: a.Label(), Key: j.key, Source: j.Source.Origin, Compiler: j.compiler, ConfigSHA256: sum(j.final)},
		Objects: j.objects, CacheHits: j.hits,
		CPUSeconds: j.cpu.Seconds(), WallSeconds: time.Since(j.start).Seconds(),
	}
	release, err := file.Read(filepath.Join(j.obj, "include/config/kernel.release"), maxConfig)
	if err != nil {
		return fmt.Errorf("reading the kernel's release: %w", err)
	}
	k.Version = strings.TrimSpace(string(release))
	if k.Text, k.Data, k.BSS, err = sizes(filepath.Join(j.obj, "vmlinux")); err != nil {
		return err
	}
	if k.Directories, err = directories(ctx, j.obj); err != nil {
		return err
	}
	if k.ImageBytes, err = copyFile(image, filepath.Join(j.obj, a.Image)); err != nil {
		return err
	}
	if k.ImageSHA256, err = fileSHA256(image); err != nil {
		return fmt.Errorf("reading back the kernel: %w", err)
	}
	if k.BootSHA256, err = j.bootable(ctx, dir); err != nil {
		return err
	}
	if _, err = copyFile(filepath.Join(dir, "System.map"), filepath.Join(j.obj, "System.map")); err != nil {
		return err
	}
	if err := cache.WriteFile(filepath.Join(dir, configFile), j.final); err != nil {
		return err
	}
	if err := j.fillModules(ctx, dir, k.Version); err != nil {
		return err
	}
	return k.write(dir)
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// write describes the kernel in its directory.
func (k *Kernel) write(dir string) error {
	data, err := json.MarshalIndent(k, "", "\t")
	if err != nil {
		return fmt.Errorf("describing the kernel: %w", err)
	}
	return cache.WriteFile(filepath.Join(dir, infoFile), append(data, '\n'))
}

// bootable returns the hash of the file that QEMU starts: vmlinux if it has the entry point for
// that (PVH), otherwise the image. It copies vmlinux to dir without its symbols, which reduces it
// to a third.
func (j *job) bootable(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, bootFile)
	if !bytes.Contains(j.final, []byte("\nCONFIG_PVH=y\n")) {
		return fileSHA256(filepath.Join(dir, j.arch().Target))
	}
	_, err := process.Run(ctx, process.Command{
		Args: []string{j.arch().Compiler() + "objcopy", "--strip-all", filepath.Join(j.obj, "vmlinux"), path},
	})
	if err != nil {
		return "", fmt.Errorf("stripping vmlinux: %w", err)
	}
	return fileSHA256(path)
}

func copyFile(to, from string) (int64, error) {
	in, err := file.Open(from)
	if err != nil {
		return 0, fmt.Errorf("keeping the kernel: %w", err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return 0, fmt.Errorf("keeping the kernel: %w", err)
	}
	n, err := io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return n, fmt.Errorf("keeping the kernel: %w", err)
	}
	return n, nil
}

// Package run boots many guests and records each boot. It runs on the host. A Runner builds what
// profiles need (kernels, initramfs), plans and orders the boots, runs them in parallel, and
// appends a record of each to a results file before the next begins. An interrupted run can be
// resumed.
package run

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/apps/image"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/programs"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/shard"
)

// Options say how to build and boot. The zero value suits most uses.
type Options struct {
	// Cache is the directory of the cache; empty means the user's (cache.Open).
	Cache string
	// Source locates the kernel source; see source.Open.
	Source source.Options
	// Results is the path of the results file; empty means DefaultResults.
	Results string
	// Probes are the patterns of the probes to run (wire.Matches); empty means all except those
	// that run only when named, such as perf/*.
	Probes string
	// Accel says how to choose between KVM and TCG. The runner sets its Cache, QEMU and Trial.
	Accel accel.Options
	// Jobs is how many guests, and how many compilers, run at once; 0 means as many as
	// there are cores.
	Jobs int
	// Inits name the inits under test (initramfs.Inits); each kernel is booted into each of them.
	// None means u-root's init, which is not under test.
	Inits []string
	// InTurn boots one guest at a time in the order given, so that times can be compared: other
	// load on the machine affects neighbours alike.
	InTurn bool
	// MemoryMiB is the memory of a guest; 0 means 256, or more if an init or applications need it.
	MemoryMiB int
	// Apps, if there are any, are run instead of the probes. Disk is the disk they are on.
	Apps []wire.App
	Disk *image.Disk
	// Job, if set, is run instead of the probes.
	Job *Job
	// Own are the IDs of the user's applications, which have no expectation (apps.Own).
	Own []string
	// Shard is the part of each run that the runner boots; the zero value is the whole.
	Shard shard.Shard
	// OnShard is called with the line that names the shard and its kernels; nil reports it as
	// progress.
	OnShard func(line string)
	// Append are arguments to add to each kernel's command line.
	Append string
	// Progress reports progress; it may be nil.
	Progress *progress.Printer

	onDisk []apps.App // those that New makes a Disk of, if there are any
}

// Runner builds and boots.
type Runner struct {
	opts    Options
	cache   *cache.Cache
	builder *kbuild.Builder
	run     string
	store   record.Store
	inits   []initramfs.Init

	suspect  atomic.Bool // a kernel that completes under TCG did not under KVM
	underTCG sync.Map    // the record.Record of each boot under TCG to decide that, by kernel and init

	once     sync.Once // for Ask
	ready    prepared
	readyErr error
}

// DefaultResults is the path of the results file unless another is named.
const DefaultResults = "results/netstrip.jsonl"

// Check returns what is wrong with the options, as far as that is known before anything is
// opened or built.
func (o Options) Check() error {
	if o.Jobs < 0 {
		return usage.Errorf("--jobs %d: want a number from 1, or 0 for one for each processor", o.Jobs)
	}
	a, aerr := arch.Parse(o.Source.Arch)
	_, err := lookupInits(o.Inits, a)
	if aerr == nil && !a.Native() {
		o.Accel.Foreign = a.Name
	}
	if err := errors.Join(err, o.Accel.Check()); err != nil {
		return usage.Error{Err: err}
	}
	return errors.Join(o.Source.Check(), checkProbes(o.Probes, wire.Probes(), o.Inits != nil), checkAppend(o.Append))
}

// Ready finds what would otherwise stop a run after minutes of building: results that no record
// can be appended to, or a program that a boot needs and that is not installed.
func (o Options) Ready() error {
	if err := (record.Store{Path: cmp.Or(o.Results, DefaultResults)}).Check(); err != nil {
		return err
	}
	return Ready(o.Source.Arch)
}

// New returns a runner. It builds and starts nothing yet, except for the disk of UseApps.
func New(ctx context.Context, o Options) (*Runner, error) {
	o.Results = cmp.Or(o.Results, DefaultResults)
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0) // it respects the limits of control groups
	}
	if err := checkPatterns(o.Probes); err != nil {
		return nil, err
	}
	o.Source.Progress = o.Progress
	b, err := kbuild.Open(ctx, o.Cache, o.Source)
	if err != nil {
		return nil, err
	}
	b.Jobs = o.Jobs
	inits, err := lookupInits(o.Inits, b.Arch)
	if err != nil {
		return nil, err
	}
	if o.onDisk != nil {
		if o.Disk, err = image.Build(ctx, image.Options{Cache: b.Cache, Arch: b.Arch, Progress: o.Progress}, o.onDisk); err != nil {
			return nil, err
		}
	}
	if o.MemoryMiB <= 0 {
		o.MemoryMiB = o.memory()
	}
	return &Runner{
		store: record.Store{Path: o.Results, OnWait: func(path string) {
			o.Progress.Line("waiting for another program that has locked %s", path)
		}},
		opts:    o,
		cache:   b.Cache,
		builder: b,
		run:     newRun(),
		inits:   inits,
	}, nil
}

// newRun names a run by its time, so that names sort, and by random bits, so that two runs in the
// same second differ.
func newRun() string {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return time.Now().UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// Name is the name of this run, which all its records carry.
func (r *Runner) Name() string { return r.run }

// Results is the path of the results file.
func (r *Runner) Results() string { return r.opts.Results }

// Build returns the kernels of the profiles. It builds those that are not in the cache.
func (r *Runner) Build(ctx context.Context, profiles []kconfigs.Profile) ([]*kbuild.Kernel, error) {
	requests := make([]kconfigs.Request, len(profiles))
	var bad []error
	for i, p := range profiles {
		var err error
		if requests[i], err = p.Request(); err != nil {
			bad = append(bad, err)
		}
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	kernels := make([]*kbuild.Kernel, len(requests))
	err := r.builder.BuildAll(ctx, requests, func(i int, k *kbuild.Kernel, _ error) { kernels[i] = k })
	if err != nil {
		return nil, err
	}
	return kernels, nil
}

// prepared is what all boots of a run share.
type prepared struct {
	image   *initramfs.Image
	accel   accel.Choice
	qemu    string   // path
	version string   // of QEMU
	clock   []string // for the kernel's command line
	probes  string   // the patterns
	results results
}

// prepare prepares everything but the kernels. It may boot the first to try KVM.
func (r *Runner) prepare(ctx context.Context, first *kbuild.Kernel) (prepared, error) {
	p := prepared{probes: r.opts.Probes}
	var err error
	if p.qemu, err = qemuPath(r.arch()); err != nil {
		return p, err
	}
	if p.version, err = qemuVersion(ctx, p.qemu); err != nil {
		return p, err
	}
	if p.image, err = initramfs.Build(ctx, r.imageOptions()); err != nil {
		return p, err
	}
	o := r.accelOptions(p)
	o.Trial = func(ctx context.Context) error { return r.trial(ctx, p, first) }
	p.accel, err = accel.Choose(ctx, o)
	p.clock = guest.ClockArgs(r.arch(), p.accel.Name)
	return p, err
}

// Accelerator returns what boots will use and why. If it is not known yet whether KVM is usable,
// it boots kernel to find out, or any built kernel of the ladder if kernel is nil.
func (r *Runner) Accelerator(ctx context.Context, kernel *kbuild.Kernel) (accel.Choice, error) {
	for _, p := range kconfigs.Ladder() {
		if kernel != nil {
			break
		}
		req, err := p.Request()
		if err != nil {
			return accel.Choice{}, err
		}
		if kernel, _, err = r.builder.Cached(ctx, req); err != nil {
			return accel.Choice{}, err
		}
	}
	if kernel == nil {
		return accel.Choose(ctx, r.accelOptions(prepared{}))
	}
	p, err := r.prepare(ctx, kernel)
	return p.accel, err
}

// Ready returns an error that names the programs that a boot of an architecture (arch.Parse) needs
// but are not installed.
func Ready(name string) error {
	a, err := arch.Parse(name)
	if err != nil {
		return err
	}
	return process.Check(context.Background(), programs.For("boot-"+a.Name, "boot")...)
}

func qemuPath(a arch.Arch) (string, error) {
	if err := Ready(a.Name); err != nil {
		return "", err
	}
	return exec.LookPath(a.QEMU)
}

// arch is the architecture of the runner's guests.
func (r *Runner) arch() arch.Arch { return r.builder.Arch }

// trial boots a kernel under KVM to see whether guests run there. A kernel that fails under TCG
// too says nothing about KVM.
func (r *Runner) trial(ctx context.Context, p prepared, k *kbuild.Kernel) error {
	r.opts.Progress.Line("trying a boot under KVM")
	plain, err := initramfs.Build(ctx, initramfs.Options{Cache: r.cache, Arch: r.arch(), Progress: r.opts.Progress})
	if err != nil {
		return accel.Unsettled{Err: err}
	}
	g := r.guest(p, k)
	g.Image, g.Disk = plain.Path, "" // applications would take minutes
	g.Accel, g.Limits = accel.KVM, guest.TrialLimits()
	res, err := guest.Boot(ctx, g)
	if err != nil || res.Outcome == record.Completed {
		return err
	}
	failed := fmt.Errorf("%s (%s)", res.Outcome, res.Reason)
	if res.Said != "" {
		failed = fmt.Errorf("%w; QEMU said: %s", failed, report.Escape(res.Said, 200))
	}
	if res.Outcome.RigFault() {
		return accel.Unsettled{Err: failed}
	}
	g.Accel, g.Limits = accel.TCG, guest.LimitsFor(accel.TCG)
	if res, err = guest.Boot(ctx, g); err != nil {
		return err
	}
	if res.Outcome != record.Completed {
		return accel.Unsettled{Err: fmt.Errorf("%w; it fails under TCG too: %s (%s)", failed, res.Outcome, res.Reason)}
	}
	return failed
}

func qemuVersion(ctx context.Context, path string) (string, error) {
	line, err := process.Version(ctx, path, "--version")
	if err != nil {
		return "", fmt.Errorf("asking QEMU for its version: %w", err)
	}
	return strings.TrimPrefix(line, "QEMU emulator version "), nil
}

// imageOptions returns what all initramfs of the runner have.
func (r *Runner) imageOptions() initramfs.Options {
	o := initramfs.Options{Cache: r.cache, Arch: r.arch(), Progress: r.opts.Progress, Apps: r.opts.Apps}
	if r.opts.Job != nil {
		o.Program = r.opts.Job.Files
	}
	return o
}

// imageFor returns the initramfs for a kernel: the usual one, or one with its modules, its init or a
// long list of probes.
func (r *Runner) imageFor(ctx context.Context, p prepared, s target, k *kbuild.Kernel) (*initramfs.Image, error) {
	o := r.imageOptions()
	o.Modules, o.Release, o.Init = k.Modules, k.Version, s.init
	if k.Modules != "" {
		config, _, err := k.ReadConfig()
		if err != nil {
			return nil, err
		}
		o.Modprobe = loaders(config)
	}
	if len(p.probes) > longestList {
		o.Probes = p.probes
	}
	o.Tools = s.tools
	if o.Modules == "" && o.Init.Name == "" && o.Probes == "" && !o.Tools {
		return p.image, nil
	}
	return initramfs.Build(ctx, o)
}

// longestList bounds a list of probes on the kernel's command line, in bytes. The kernel cuts the
// line at 2,047 (COMMAND_LINE_SIZE, arch/x86/include/asm/setup.h:7), and it has other arguments. A
// longer list goes into the initramfs.
const longestList = 1024

// guest returns a boot of a kernel with arguments for its command line.
func (r *Runner) guest(p prepared, k *kbuild.Kernel, args ...string) guest.Guest {
	args = slices.Concat(p.clock, args)
	if p.probes != "" && len(p.probes) <= longestList {
		args = append(args, wire.ParamProbes+"="+p.probes)
	}
	args = append(args, strings.Fields(r.opts.Append)...)
	g := guest.Guest{
		Arch: r.arch(), Accel: p.accel.Name, MemoryMiB: r.opts.MemoryMiB, KernelArgs: args,
		QEMU: p.qemu, Kernel: k.Boot, Image: p.image.Path,
		Limits: guest.LimitsFor(p.accel.Name).With(r.opts.Apps),
	}
	if r.opts.Disk != nil {
		g.Disk = r.opts.Disk.Path
	}
	return g
}

// guestOf returns a boot of a target's kernel into its init.
func (r *Runner) guestOf(p prepared, s target) guest.Guest {
	g := r.guest(p, s.kernel, slices.Concat(s.Args, s.init.KernelArgs())...)
	g.MemoryMiB = max(g.MemoryMiB, s.init.MemoryMiB)
	return g
}

// logPath returns the path of a boot's console log, beside the results file. It never returns the
// path of a log that exists.
func (r *Runner) logPath(id string) (abs, rel string) {
	name := logName(id)
	for n := 1; ; n++ {
		rel = filepath.Join("console", name+".log")
		if n > 1 {
			rel = filepath.Join("console", fmt.Sprintf("%s-again%d.log", name, n))
		}
		abs = filepath.Join(filepath.Dir(r.opts.Results), rel)
		if _, err := os.Lstat(abs); err != nil { // it does not exist, or writing it will fail
			return abs, rel
		}
	}
}

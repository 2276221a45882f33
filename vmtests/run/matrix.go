package run

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/program"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// silentTries is how often a boot that stays silent is tried. No other outcome is retried, since
// that would hide what the boot is meant to find.
const silentTries = 3

// Run builds what the profiles need, boots each profile once into each of the runner's inits, and
// appends a record of each boot to the results file before its worker starts another. It returns
// the records in the order of the profiles. It returns an error if boots could not be run or
// recorded; a guest that fails is a record. Resume continues a run that was interrupted.
func (r *Runner) Run(ctx context.Context, profiles []kconfigs.Profile) ([]record.Record, error) {
	if err := r.opts.Ready(); err != nil {
		return nil, err
	}
	if r.opts.Job != nil { // its input and output cannot be had again, so it is not resumed
		kernels, err := r.Build(ctx, profiles)
		if err != nil {
			return nil, err
		}
		return r.Boot(ctx, profiles, kernels)
	}
	targets := r.targets(profiles, nil)
	plan, err := r.plan(ctx, targets)
	if err != nil || len(profiles) == 0 {
		return nil, err
	}
	return r.start(ctx, plan, targets, nil)
}

// start begins a run and boots its targets, or those of its shard: as assigned, or else as
// shard.Split does with the costs that are part of the program.
func (r *Runner) start(ctx context.Context, plan record.Plan, targets []target, assigned Assignment) ([]record.Record, error) {
	if r.opts.Shard.Of > 0 {
		var err error
		if plan, targets, err = r.share(plan, targets, assigned); err != nil {
			return nil, err
		}
	}
	run, err := r.store.Begin(ctx, plan)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	ids := make([]string, len(plan.Boots))
	for i, b := range plan.Boots {
		ids[i] = b.ID
	}
	if err := r.buildFor(ctx, targets); err != nil {
		return nil, err
	}
	return r.bootAll(ctx, run, targets, ids)
}

// buildFor builds the kernels of targets, each once.
func (r *Runner) buildFor(ctx context.Context, targets []target) error {
	var profiles []kconfigs.Profile
	of := make([]int, len(targets))
	for i, t := range targets {
		same := func(p kconfigs.Profile) bool { return reflect.DeepEqual(p, t.Profile) }
		if of[i] = slices.IndexFunc(profiles, same); of[i] < 0 {
			of[i], profiles = len(profiles), append(profiles, t.Profile)
		}
	}
	kernels, err := r.Build(ctx, profiles)
	if err != nil {
		return err
	}
	for i, k := range of {
		targets[i].kernel = kernels[k]
	}
	return nil
}

// Boot boots the kernels that Build returned for the profiles. It stores no plan, so Resume cannot
// continue it.
func (r *Runner) Boot(ctx context.Context, profiles []kconfigs.Profile, kernels []*kbuild.Kernel) ([]record.Record, error) {
	targets := r.targets(profiles, kernels)
	return r.bootAll(ctx, r.store, targets, r.recordIDs(targets))
}

// results is where the records of a run go.
type results interface {
	Check() error
	Append(context.Context, record.Record) error
}

// bootAll boots targets under the given IDs and returns their records in that order.
func (r *Runner) bootAll(ctx context.Context, to results, targets []target, ids []string) ([]record.Record, error) {
	if len(targets) == 0 {
		return nil, nil
	}
	p, err := r.prepare(ctx, targets[0].kernel)
	if err != nil {
		return nil, err
	}
	p.results = to
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	records := make([]record.Record, len(targets))
	next := make(chan int)
	var workers sync.WaitGroup
	order, atOnce := r.order(p, targets)
	names := make([]string, len(targets))
	for i, s := range targets {
		names[i] = s.name()
	}
	pace := newPace(r.opts.Progress, names, r.earlierTimes(p.accel.Name))
	defer pace.task.End()
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				rec, err := r.bootOne(ctx, p, targets[i], ids[i])
				if err != nil {
					stop(err)
					return
				}
				records[i] = rec
				pace.add(i)
			}
		})
	}
	for _, i := range order {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := r.keepTimes(p.accel.Name, records); err != nil {
		r.opts.Progress.Line("%v", err) // not worth failing a finished run
	}
	return records, nil
}

// recordIDs names the records: run/profile or run/profile/init, with /2, /3 appended to repeated
// names.
func (r *Runner) recordIDs(targets []target) []string {
	seen := map[string]int{}
	ids := make([]string, len(targets))
	for i, s := range targets {
		name := s.name()
		seen[name]++
		ids[i] = r.run + "/" + name
		if n := seen[name]; n > 1 {
			ids[i] = fmt.Sprintf("%s/%d", ids[i], n)
		}
	}
	return ids
}

// bootOne boots one target, again if it stays silent, and records it.
func (r *Runner) bootOne(ctx context.Context, p prepared, s target, id string) (record.Record, error) {
	k := s.kernel
	image, err := r.imageFor(ctx, p, s, k)
	if err != nil {
		return record.Record{}, err
	}
	p.image = image
	rec := record.Record{
		Schema: record.Schema, ID: id, Run: r.run, Profile: s.name(), Init: s.init.Name,
		Probes: p.probes, Append: r.opts.Append, Netstrip: program.This(),
		Kernel:    k.Built,
		Initramfs: record.Filesystem{Key: p.image.Key, Bytes: p.image.Bytes, Packages: p.image.Packages},
	}
	rec.Series, rec.Arch = k.Series(), r.arch().Label()
	g := r.guestOf(p, s)
	plain := g
	if r.opts.Job != nil {
		g = r.session(ctx, g, s.name(), false)
	}
	rec.Machine = record.Machine{
		QEMU: p.version, Accel: p.accel.Name, AccelReason: p.accel.Reason,
		MemoryMiB: g.MemoryMiB, Command: g.Command(),
	}
	r.addApps(&rec)
	task := r.opts.Progress.Task(s.name())
	defer task.End()
	task.Tell(booting(time.Now(), r.earlierTimes(p.accel.Name)[s.name()]))
	if r.opts.Apps != nil { // such a boot takes minutes
		g.Asked = func(id string) { task.State("asking %s", report.Escape(id, 60)) }
	}
	var res guest.Result
	for try := 1; ; try++ {
		if res, err = guest.Boot(ctx, g); err != nil {
			return rec, err
		}
		if res.Outcome != record.Silent || try >= r.tries(p) {
			break
		}
		rec.Tries = append(rec.Tries, record.Try{Outcome: res.Outcome, Seconds: res.Phases.Exit})
	}
	rec.Time, rec.Outcome, rec.Reason, rec.Notices = res.Started.UTC(), res.Outcome, res.Reason, res.Notices
	rec.Task, rec.Trace = res.Task, res.Trace
	rec.Phases, rec.Hello, rec.Findings, rec.Running = res.Phases, res.Hello, res.Findings, res.Running
	if err = r.weigh(ctx, p, s, res, &rec); err == nil {
		err = r.decide(ctx, plain, s, &rec)
	}
	if err != nil {
		return rec, err
	}
	if rec.Init != "" && res.Console != nil {
		rec.Said = console.Complaints(res.Console)
		rec.Reason += lacks(s.Profile, k.Config, rec)
	}
	if err := r.keep(ctx, p.results, &rec, res.Console); err != nil {
		return rec, err
	}
	r.opts.Progress.Line("booted %-10s %s in %.1f s%s", s.name(), rec.Outcome, rec.Phases.Exit, reasonText(rec))
	return rec, nil
}

// addApps adds to a record which disk the guest has, and which of the probes are the user's.
func (r *Runner) addApps(rec *record.Record) {
	rec.Exec = r.opts.Job.described()
	for _, id := range r.opts.Own {
		if rec.Asked(id) {
			rec.Own = append(rec.Own, id)
		}
	}
	if d := r.opts.Disk; d != nil {
		rec.Disk = &record.Filesystem{Key: d.Key, Bytes: d.Bytes, Packages: d.Packages}
	}
}

// keep stores a boot: first its console log, then the record that refers to it.
func (r *Runner) keep(ctx context.Context, to results, rec *record.Record, log []byte) error {
	if err := to.Check(); err != nil { // before writing the log creates a removed directory again
		return err
	}
	if log != nil {
		abs, rel := r.logPath(rec.ID)
		if err := cache.WriteFile(abs, log); err != nil {
			return fmt.Errorf("keeping the console log: %w", err)
		}
		rec.ConsoleLog = rel
	}
	return to.Append(ctx, *rec)
}

func reasonText(rec record.Record) string {
	if rec.Reason == "" {
		return ""
	}
	return ": " + report.Escape(rec.Reason, 200) // it may be text from the guest
}

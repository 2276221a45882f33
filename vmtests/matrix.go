package vmtests

import (
	"context"
	"fmt"
	"sync"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/console"
	"github.com/netstrip/netstrip/vmtests/program"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

// silentTries is how often a boot that stayed silent is tried in all. Nothing else
// is tried again: a retry would hide what it is there to find.
const silentTries = 3

// Run builds what the profiles need, boots each once into each of the rig's inits, and
// appends a record of each boot to the results file before the worker that ran it starts
// another. The records come in the order of the profiles. The error is a fault that kept
// boots from being run or recorded at all; a guest that did not do well is a record. A run
// that did not come to its end can be taken up again with Resume.
func (r *Rig) Run(ctx context.Context, profiles []kconfigs.Profile) ([]record.Record, error) {
	if err := r.store.Check(); err != nil { // before minutes of building
		return nil, err
	}
	if err := Ready(); err != nil {
		return nil, err
	}
	plan, err := r.plan(ctx, r.subjects(profiles, nil))
	if err != nil || len(profiles) == 0 {
		return nil, err
	}
	run, err := r.store.Begin(ctx, plan)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	kernels, err := r.Build(ctx, profiles)
	if err != nil {
		return nil, err
	}
	subjects := r.subjects(profiles, kernels)
	return r.bootAll(ctx, run, subjects, r.recordIDs(subjects))
}

// Boot boots the kernels that Build gave for the profiles. Nothing is planned: what
// ends early here cannot be resumed.
func (r *Rig) Boot(ctx context.Context, profiles []kconfigs.Profile, kernels []*kbuild.Kernel) ([]record.Record, error) {
	subjects := r.subjects(profiles, kernels)
	return r.bootAll(ctx, r.store, subjects, r.recordIDs(subjects))
}

// results is where the records of a run go.
type results interface {
	Check() error
	Append(context.Context, record.Record) error
}

// bootAll boots subjects under the given IDs and gives their records in that order.
func (r *Rig) bootAll(ctx context.Context, to results, subjects []subject, ids []string) ([]record.Record, error) {
	if len(subjects) == 0 {
		return nil, nil
	}
	p, err := r.prepare(ctx, subjects[0].kernel)
	if err != nil {
		return nil, err
	}
	p.results = to
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	records := make([]record.Record, len(subjects))
	next := make(chan int)
	var workers sync.WaitGroup
	order, atOnce := r.order(p, subjects)
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				rec, err := r.bootOne(ctx, p, subjects[i], ids[i])
				if err != nil {
					stop(err)
					return
				}
				records[i] = rec
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
		r.opts.Progress.Line("%v", err) // no reason to fail a run that has ended well
	}
	return records, nil
}

// recordIDs names the records: run/profile, run/profile/init, and /2, /3 where one comes
// again.
func (r *Rig) recordIDs(subjects []subject) []string {
	seen := map[string]int{}
	ids := make([]string, len(subjects))
	for i, s := range subjects {
		name := s.name()
		seen[name]++
		ids[i] = r.run + "/" + name
		if n := seen[name]; n > 1 {
			ids[i] = fmt.Sprintf("%s/%d", ids[i], n)
		}
	}
	return ids
}

// bootOne boots one subject, again if it stays silent, and records it.
func (r *Rig) bootOne(ctx context.Context, p parts, s subject, id string) (record.Record, error) {
	k := s.kernel
	image, err := r.imageFor(ctx, p, s, k)
	if err != nil {
		return record.Record{}, err
	}
	p.image = image
	rec := record.Record{
		Schema: record.Schema, ID: id, Run: r.run, Profile: s.name(), Init: s.init.Name,
		Series: series(k.Version), Probes: p.probes, Netstrip: program.This(),
		Kernel: record.Kernel{
			Key: k.Key, Version: k.Version, Source: k.Source, Compiler: k.Compiler, ConfigSHA256: k.ConfigSHA256,
			ImageBytes: k.ImageBytes, Text: k.Text, Data: k.Data, BSS: k.BSS,
		},
		Initramfs: record.Image{Key: p.image.Key, Bytes: p.image.Bytes, Packages: p.image.Packages},
	}
	g := r.guestOf(p, s)
	rec.Machine = record.Machine{
		QEMU: p.version, Accel: p.accel.Name, AccelReason: p.accel.Reason,
		MemoryMiB: g.memoryMiB, Command: g.command(),
	}
	for _, id := range r.opts.Own {
		if asked(rec, id) {
			rec.Own = append(rec.Own, id)
		}
	}
	if d := r.opts.Disk; d != nil {
		rec.Disk = &record.Image{Key: d.Key, Bytes: d.Bytes, Packages: d.Packages}
	}
	r.opts.Progress.State("booting %s", s.name())
	if r.opts.Apps != nil { // a boot is then minutes
		g.asked = func(id string) { r.opts.Progress.State("%s: asking %s", s.name(), report.Escape(id, 60)) }
	}
	var res result
	for try := 1; ; try++ {
		if res, err = boot(ctx, g); err != nil {
			return rec, err
		}
		if res.outcome != record.Silent || try >= r.tries(p) {
			break
		}
		rec.Tries = append(rec.Tries, record.Try{Outcome: res.outcome, Seconds: res.phases.Exit})
	}
	rec.Time, rec.Outcome, rec.Reason, rec.Notices = res.started.UTC(), res.outcome, res.reason, res.notices
	rec.Task, rec.Trace = res.task, res.trace
	rec.Phases, rec.Hello, rec.Findings, rec.Running = res.phases, res.hello, r.doubted(k, res.findings), res.running
	if err := r.weigh(ctx, p, s, res, &rec); err != nil {
		return rec, err
	}
	if rec.Init != "" && res.console != nil {
		rec.Said = console.Complaints(res.console.log.Bytes())
		rec.Reason += lacks(s.Profile, k.Config, rec)
	}
	if err := r.keep(ctx, p.results, &rec, res.console); err != nil {
		return rec, err
	}
	r.opts.Progress.Line("booted %-10s %s in %.1f s%s", s.name(), rec.Outcome, rec.Phases.Exit, reasonText(rec))
	return rec, nil
}

// keep writes down a boot: first its console log, then the record that points there.
func (r *Rig) keep(ctx context.Context, to results, rec *record.Record, log *capture) error {
	if err := to.Check(); err != nil { // before the log makes anew what was removed
		return err
	}
	if log != nil {
		abs, rel := r.logPath(rec.ID)
		if err := log.save(abs); err != nil {
			return err
		}
		rec.ConsoleLog = rel
	}
	return to.Append(ctx, *rec)
}

func reasonText(rec record.Record) string {
	if rec.Reason == "" {
		return ""
	}
	return ": " + report.Escape(rec.Reason, 200) // it may be the guest's own words
}

// series is the kernel series of a version: 6.12 of 6.12.117.
func series(version string) string {
	major, minor := 0, 0
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return version
	}
	return fmt.Sprintf("%d.%d", major, minor)
}

package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
)

// tries returns how often to try a boot that stays silent: once if KVM was found at fault before.
func (r *Runner) tries(p prepared) int {
	if p.accel.Name == accel.KVM && r.suspect.Load() {
		return 1
	}
	return silentTries
}

// weigh settles the findings of a boot, and decides whether KVM is to blame for its outcome.
func (r *Runner) weigh(ctx context.Context, p prepared, s target, res guest.Result, rec *record.Record) error {
	expect.Settle(rec, r.known())
	rec.Findings = r.judged(s.kernel, rec.Findings, rec.Hello)
	if blamesKVM(p, res) {
		if err := r.judgeKVM(ctx, p, s, rec); err != nil {
			return err
		}
	}
	return r.learnKVM(ctx, p, rec.Outcome)
}

// blamesKVM reports whether a boot under KVM ended in a way that KVM can cause: silence, a hang or
// a reset. A kernel that prints a panic does run. If KVM was chosen because a guest had run under
// it, one that reached user space clears it.
func blamesKVM(p prepared, res guest.Result) bool {
	if p.accel.Name != accel.KVM || res.Hello != nil && !p.accel.Asked {
		return false
	}
	return slices.Contains([]record.Outcome{record.Silent, record.Hung, record.Reset, record.TimedOut}, res.Outcome)
}

// judgeKVM decides whether the kernel or KVM is at fault: it looks for a record of the same kernel
// under TCG, or boots it there once. A kernel that completes there is not at fault.
func (r *Runner) judgeKVM(ctx context.Context, p prepared, s target, rec *record.Record) error {
	other, err := r.earlierTCG(*rec)
	if err != nil {
		return err
	}
	if other.Outcome == "" {
		r.opts.Progress.Line("%s is %s under KVM; trying it under TCG", s.name(), rec.Outcome)
		p.accel.Name, p.clock = accel.TCG, guest.ClockArgs(r.arch(), accel.TCG)
		res, err := guest.Boot(ctx, r.guestOf(p, s))
		if err != nil {
			return err
		}
		other.Outcome, other.Reason, other.ID = res.Outcome, res.Reason, "a boot to decide this"
		r.underTCG.Store(rec.Kernel.Key+"/"+rec.Init, other)
	}
	switch {
	case other.Outcome == record.Completed:
		rec.Notices = append(rec.Notices, fmt.Sprintf("under KVM: %s: %s", rec.Outcome, rec.Reason), "it completed under TCG in "+other.ID)
		rec.Reason = fmt.Sprintf("%s under KVM; the same kernel completed under TCG: suspect /dev/kvm", rec.Outcome)
		rec.Outcome = record.QEMUFailed
		r.suspect.Store(true)
		return accel.Learn(ctx, r.accelOptions(p), errors.New(rec.Reason))
	case other.Outcome.RigFault():
		rec.Notices = append(rec.Notices, fmt.Sprintf("it is unknown whether KVM is at fault: under TCG the outcome is %s (%s)", other.Outcome, other.Reason))
	default:
		rec.Notices = append(rec.Notices, fmt.Sprintf("under TCG it does not complete either: %s in %s", other.Outcome, other.ID))
	}
	return nil
}

// earlierTCG returns the newest record with a verdict of the same kernel and init under TCG, an
// empty one if there is none.
func (r *Runner) earlierTCG(like record.Record) (record.Record, error) {
	if rec, ok := r.underTCG.Load(like.Kernel.Key + "/" + like.Init); ok {
		return rec.(record.Record), nil
	}
	file, err := r.store.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return record.Record{}, nil
	}
	if err != nil {
		return record.Record{}, err
	}
	defer file.Close()
	for _, rec := range slices.Backward(file.Records) {
		if rec.Kernel.Key != like.Kernel.Key || rec.Init != like.Init || rec.Outcome == "" || rec.Outcome.RigFault() {
			continue
		}
		whole, _, err := file.Read([]record.Record{rec})
		if err != nil {
			return record.Record{}, err
		}
		if len(whole) > 0 && (whole[0].Disk == nil) == (like.Disk == nil) && whole[0].Machine.Accel == accel.TCG {
			return whole[0], nil
		}
	}
	return record.Record{}, nil
}

// learnKVM stores that a guest completed under a KVM that was not known to work.
func (r *Runner) learnKVM(ctx context.Context, p prepared, o record.Outcome) error {
	if p.accel.Name != accel.KVM || !p.accel.Asked || o != record.Completed {
		return nil
	}
	return accel.Learn(ctx, r.accelOptions(p), nil)
}

func (r *Runner) accelOptions(p prepared) accel.Options {
	o := r.opts.Accel
	o.Cache, o.QEMU = r.cache, p.version
	if a := r.arch(); !a.Native() {
		o.Foreign = a.Name
	}
	return o
}

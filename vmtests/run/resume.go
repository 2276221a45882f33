package run

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
)

// ErrNothingToResume is returned by Resume for a results file without an interrupted run.
var ErrNothingToResume = errors.New("nothing to resume")

// ErrChanged is returned by Resume for a run whose kernels or initramfs have changed since. A table of
// two images would show differences that are not between kernels.
var ErrChanged = usage.Errorf("it cannot be resumed, since its boots would not be comparable; start a new run")

// ErrOther is returned by Resume if the run that was cut short asked applications and this runner does
// not, or the other way round.
var ErrOther = usage.Errorf("it cannot be resumed with this command")

// plan describes what a run will boot.
func (r *Runner) plan(ctx context.Context, targets []target) (record.Plan, error) {
	return r.planOf(ctx, targets, true)
}

// planOf is plan; without identify the inputs of the boots stay empty.
func (r *Runner) planOf(ctx context.Context, targets []target, identify bool) (record.Plan, error) {
	plan := record.Plan{Run: r.run, Time: time.Now().UTC(), Probes: r.opts.Probes, Append: r.opts.Append, Apps: r.appsKey()}
	ids := r.recordIDs(targets)
	var bad []error
	for i, p := range targets {
		var inputs string
		if identify {
			var err error
			inputs, err = r.inputs(ctx, p)
			bad = append(bad, err)
		}
		name := ref.Parse(p.Name)
		name.Added = nil // the boot has their text
		boot := record.Boot{ID: ids[i], Profile: name.String(), Init: p.init.Name, Inputs: inputs}
		boot.Override = p.Override
		for _, f := range p.Added() {
			boot.Added = append(boot.Added, record.Fragment{Name: f.Name, Text: kconfigs.Request{Settings: f.Settings}.Text()})
		}
		if p.Start.Text != "" {
			boot.Config = &record.Fragment{Name: p.Start.Name, Text: p.Start.Text}
		}
		if p.Prebuilt != nil {
			boot.Image, boot.Modules = p.Prebuilt.Image, p.Prebuilt.Modules
		}
		plan.Boots = append(plan.Boots, boot)
	}
	from := origin(r.opts.Source, r.arch())
	plan.Origin = &from
	return plan, errors.Join(bad...)
}

// appsKey returns a hash of the applications and their disk, "" without applications.
func (r *Runner) appsKey() string {
	if r.opts.Disk == nil {
		return ""
	}
	h := sha256.New()
	_ = json.NewEncoder(h).Encode(r.opts.Apps) // writing to a hash cannot fail
	_, _ = h.Write([]byte(r.opts.Disk.Key))
	return hex.EncodeToString(h.Sum(nil))
}

// sameApps returns an error if the run tested other applications than this runner does.
func (r *Runner) sameApps(run *record.Run) error {
	switch own := r.appsKey(); {
	case run.Plan.Apps == own:
		return nil
	case own == "":
		return fmt.Errorf("%w: the run tests applications; use netstrip apps --resume", ErrOther)
	case run.Plan.Apps == "":
		return fmt.Errorf("%w: the run tests no applications; use netstrip run --resume", ErrOther)
	}
	return fmt.Errorf("the applications or their disk have changed: %w", ErrChanged)
}

func (r *Runner) inputs(ctx context.Context, s target) (string, error) {
	req, err := s.Request()
	if err != nil {
		return "", err
	}
	inputs, err := r.builder.Inputs(ctx, req)
	if s.init.Name != "" {
		inputs += "+" + s.init.Key()
	}
	return inputs, err
}

// unadorned returns the profile of a planned boot without the user's fragments.
func unadorned(b record.Boot) (kconfigs.Profile, error) {
	switch {
	case b.Config != nil:
		return kconfigs.UserConfig(b.Config.Name, []byte(b.Config.Text))
	case b.Image != "":
		return kconfigs.UserKernel(b.Image, b.Modules), nil
	}
	return kconfigs.Lookup(b.Profile)
}

// planned returns the target of a planned boot.
func planned(b record.Boot) (s target, err error) {
	if b.Init != "" {
		s.init, err = initramfs.LookupInit(b.Init)
	}
	if err == nil {
		s.Profile, err = unadorned(b)
	}
	if err != nil {
		return s, err
	}
	s.Override = b.Override
	for _, a := range b.Added {
		f, err := kconfigs.ParseFragment(a.Name, []byte(a.Text))
		if err != nil {
			return s, err
		}
		s.Profile = s.With(f)
	}
	return s, nil
}

// Resume continues the latest interrupted run in the results file: it boots what is missing, under
// the run's own name, and returns the records of the whole run in the order of its plan. A boot
// with an infrastructure failure counts as missing.
func (r *Runner) Resume(ctx context.Context) ([]record.Record, error) {
	if err := Ready(r.arch().Name); err != nil {
		return nil, err
	}
	run, ok, err := r.store.Resume()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w in %s: no interrupted run found (or it is still running)", ErrNothingToResume, r.opts.Results)
	}
	defer run.Close()
	r.run, r.opts.Probes, r.opts.Append = run.Plan.Run, run.Plan.Probes, run.Plan.Append
	if err := cmp.Or(checkPatterns(r.opts.Probes), checkAppend(r.opts.Append)); err != nil {
		return nil, fmt.Errorf("resuming %s: %w", r.run, err)
	}
	if err := r.sameApps(run); err != nil {
		return nil, fmt.Errorf("resuming %s: %w", r.run, err)
	}
	targets, err := r.comparable(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("resuming %s: %w", r.run, err)
	}
	missing := run.Missing()
	r.opts.Progress.Line("resuming %s: %d of %d boots are missing", r.run, len(missing), len(run.Plan.Boots))
	todo, ids := make([]target, len(missing)), make([]string, len(missing))
	for n, i := range missing {
		todo[n], ids[n] = targets[i], run.Plan.Boots[i].ID
	}
	if err := r.buildFor(ctx, todo); err != nil {
		return nil, err
	}
	records, err := r.bootAll(ctx, run, todo, ids)
	if err != nil {
		return nil, err
	}
	return inOrder(run.Plan, append(records, run.Done...)), nil
}

// comparable returns the targets of a run's plan, or an error if the missing boots would have
// other kernels or another image than those done.
func (r *Runner) comparable(ctx context.Context, run *record.Run) ([]target, error) {
	targets := make([]target, len(run.Plan.Boots))
	for i, b := range run.Plan.Boots {
		s, err := planned(b)
		if err != nil {
			return nil, err
		}
		inputs, err := r.inputs(ctx, s)
		if err != nil {
			return nil, err
		}
		if inputs != b.Inputs {
			return nil, fmt.Errorf("the source, the compiler, the fragments of the kernel or the init of %s have changed: %w", s.name(), ErrChanged)
		}
		targets[i] = s
	}
	image, err := initramfs.Build(ctx, initramfs.Options{Cache: r.cache, Arch: r.arch(), Progress: r.opts.Progress})
	if err != nil {
		return nil, err
	}
	for _, d := range run.Done {
		if own, _, _ := strings.Cut(d.Initramfs.Key, "+"); own != image.Key { // the modules and the init follow the +
			return nil, fmt.Errorf("the initramfs has changed (it is %.12s, and %s was booted with %.12s): %w",
				image.Key, d.Profile, d.Initramfs.Key, ErrChanged)
		}
	}
	return targets, nil
}

// inOrder puts records into the order of a plan.
func inOrder(plan record.Plan, records []record.Record) []record.Record {
	place := map[string]int{}
	for i, b := range plan.Boots {
		place[b.ID] = i
	}
	slices.SortFunc(records, func(a, b record.Record) int { return place[a.ID] - place[b.ID] })
	return records
}

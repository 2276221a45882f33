package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/shard"
)

// Assignment is the number of the shard of each boot of a plan, from 1.
type Assignment []int

// ErrOtherPlan is returned by Follow if this machine would boot other kernels than planned.
var ErrOtherPlan = usage.Errorf("this machine's kernels are not those of the plan; plan again with the same source and compiler")

// Planned is a kernel of a plan, what it is guessed to cost, and what is known about it here.
type Planned struct {
	// Guess has the name of its profile, and an object tree of one series and architecture.
	Guess shard.Kernel
	// Boots are the indexes of its boots in the plan, and Takes what each takes: as last time if
	// Timed is set, otherwise the guess.
	Boots []int
	Takes []time.Duration
	Timed []bool
	// Past is what is known about building it; nil if it is not in the cache.
	Past *kbuild.Past
}

// Want is a boot to plan: a profile and the name of an init under test, if any.
type Want struct {
	Profile kconfigs.Profile
	Init    string
}

func targetsOf(wants []Want) ([]target, error) {
	targets := make([]target, len(wants))
	var bad []error
	for i, w := range wants {
		targets[i].Profile = w.Profile
		if w.Init != "" {
			var err error
			targets[i].init, err = initramfs.LookupInit(w.Init)
			bad = append(bad, err)
		}
	}
	return targets, errors.Join(bad...)
}

// Guess returns the kernels of an architecture (arch.Arch) with the costs that are part of the
// program, without looking at this machine.
func Guess(wants []Want, of string) ([]Planned, error) {
	targets, err := targetsOf(wants)
	if err != nil {
		return nil, usage.Error{Err: err}
	}
	return guess(targets, of)
}

// Plan returns what Run would boot, and the kernels with their costs on this machine. It fetches no
// source; without one the inputs of the boots are unknown and empty.
func (r *Runner) Plan(ctx context.Context, wants []Want) (record.Plan, []Planned, error) {
	targets, err := targetsOf(wants)
	if err != nil {
		return record.Plan{}, nil, usage.Error{Err: err}
	}
	identified := r.builder.Source.ID != ""
	plan, err := r.planOf(ctx, targets, identified)
	if err != nil {
		return plan, nil, err
	}
	kernels, err := guess(targets, r.arch().Name)
	if err != nil {
		return plan, nil, err
	}
	took := r.earlierTimes(accel.TCG)
	for n := range kernels {
		k := &kernels[n]
		for j, i := range k.Boots {
			seconds, timed := took[r.timesName(targets[i].name())]
			if timed && r.opts.Probes == "" {
				k.Takes[j], k.Timed[j] = time.Duration(seconds*1000)*time.Millisecond, true
			}
		}
		req, err := targets[k.Boots[0]].Request()
		if err == nil && identified {
			k.Past, err = r.builder.Past(ctx, req)
		}
		if err != nil {
			return plan, nil, err
		}
	}
	return plan, kernels, nil
}

// Follow is Run for a plan that was made before, maybe on another machine.
func (r *Runner) Follow(ctx context.Context, made record.Plan, assigned Assignment) ([]record.Record, error) {
	if err := r.opts.Ready(); err != nil {
		return nil, err
	}
	targets := make([]target, len(made.Boots))
	var bad []error
	for i, b := range made.Boots {
		var err error
		targets[i], err = planned(b)
		bad = append(bad, err)
	}
	if err := errors.Join(bad...); err != nil {
		return nil, usage.Error{Err: err}
	}
	r.opts.Probes = made.Probes
	plan, err := r.plan(ctx, targets)
	if err != nil {
		return nil, err
	}
	for i, b := range plan.Boots {
		if made.Boots[i].Inputs != "" && b.Inputs != made.Boots[i].Inputs {
			return nil, fmt.Errorf("the source, the compiler, the fragments or the init of %s differ: %w", targets[i].name(), ErrOtherPlan)
		}
	}
	if made.Apps != "" && made.Apps != plan.Apps {
		return nil, fmt.Errorf("the applications or their disk differ: %w", ErrOtherPlan)
	}
	return r.start(ctx, plan, targets, assigned)
}

// share returns the part of a plan and of its targets that belongs to the runner's shard.
func (r *Runner) share(whole record.Plan, targets []target, assigned Assignment) (record.Plan, []target, error) {
	s := r.opts.Shard
	if assigned == nil {
		kernels, err := guess(targets, r.arch().Name)
		if err != nil {
			return whole, nil, err
		}
		assigned = assign(kernels, s.Of, len(targets))
	}
	mine := whole
	mine.Boots = []record.Boot{}
	mine.Shard = &record.Part{Index: s.Index, Of: s.Of, By: s.By, Whole: whole.Boots}
	var todo []target
	var names []string
	for i, t := range targets {
		if assigned[i] != s.Index {
			continue
		}
		mine.Boots, todo = append(mine.Boots, whole.Boots[i]), append(todo, t)
		if !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	line := s.Line(names)
	if r.opts.OnShard != nil {
		r.opts.OnShard(line)
	} else {
		r.opts.Progress.Line("%s", line)
	}
	return mine, todo, nil
}

// assign returns the shards of boots by the guessed costs of their kernels.
func assign(kernels []Planned, n, boots int) Assignment {
	guesses := make([]shard.Kernel, len(kernels))
	for i, k := range kernels {
		guesses[i] = k.Guess
	}
	assigned := make(Assignment, boots)
	for i, of := range shard.Split(guesses, n) {
		for _, k := range of {
			for _, b := range kernels[k].Boots {
				assigned[b] = i + 1
			}
		}
	}
	return assigned
}

// guess returns the kernels of targets, each once, with guessed costs. Targets with the same request
// have the same kernel.
func guess(targets []target, of string) ([]Planned, error) {
	var kernels []Planned
	at := map[string]int{}
	foreign := of != arch.All()[0].Name // not Native: all machines guess alike
	for i, t := range targets {
		req, err := t.Request()
		if err != nil {
			return nil, err
		}
		name := ref.Parse(t.Name)
		name.Init = t.init.Name
		costs := shard.GuessFor(name, foreign)
		same := fmt.Sprintf("%q %q %v", req.Text(), req.Start, req.Prebuilt)
		n, known := at[same]
		if !known {
			n, at[same] = len(kernels), len(kernels)
			k := Planned{Guess: shard.Kernel{Name: t.Name}}
			if req.Prebuilt == nil {
				k.Guess.Tree, k.Guess.First, k.Guess.Next = treeOf(req), costs.First-costs.Next, costs.Next
			}
			kernels = append(kernels, k)
		}
		k := &kernels[n]
		k.Boots, k.Takes, k.Timed = append(k.Boots, i), append(k.Takes, costs.Boot), append(k.Timed, false)
		k.Guess.Boots += costs.Boot
	}
	return kernels, nil
}

// treeOf names the object tree of a request among those of one source and architecture.
func treeOf(req kconfigs.Request) string {
	if req.Start.Text != "" {
		return cmp.Or(req.Start.ObjectTree, "user")
	}
	return cmp.Or(req.Start.ObjectTree, req.Start.Name, "allnoconfig")
}

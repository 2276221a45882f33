// Package merge joins the results files of shards into one, which is as one machine would have
// written it, except for times and the names of runs. It runs on the host. It never joins what does
// not belong together: it returns an error if a shard or a boot is missing, if the shards are of
// different plans, if two of them answer differently about one boot, or if a file is damaged.
package merge

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
)

// ErrDiffers is wrapped by the error of Files if two shards answer differently about one boot.
var ErrDiffers = errors.New("two shards disagree")

// ErrIncomplete is wrapped by the error of Files if something is missing or damaged.
var ErrIncomplete = errors.New("the results are not complete; --partial merges what there is")

// Options say what to merge.
type Options struct {
	// Out is the path of the file to write, which must not exist.
	Out string
	// Partial continues when something is missing or damaged.
	Partial bool
}

// Result is what was merged.
type Result struct {
	// Boots are the boots merged of those planned, Shards the shards merged of those planned.
	Boots         int `json:"boots"`
	PlannedBoots  int `json:"planned_boots"`
	Shards        int `json:"shards"`
	PlannedShards int `json:"planned_shards"`
	// Missing says what is missing or damaged; it has no lines unless Partial was set.
	Missing []string `json:"missing"`
	// Notes say what differs between the shards but does not prevent a merge.
	Notes []string `json:"notes"`
}

// source is a results file.
type source struct {
	path string
	*record.File
	byRun map[string][]record.Record
}

// part is a run of a shard.
type part struct {
	from *source
	plan record.Plan
}

// whole is the plan of all shards.
type whole struct {
	key   string
	parts []part
}

// Files merges results files. It returns a Result with an error too, if it got that far.
func Files(paths []string, o Options) (*Result, error) {
	r := &Result{Missing: []string{}, Notes: []string{}}
	sources, err := open(paths)
	defer func() {
		for _, s := range sources {
			s.Close()
		}
	}()
	if err != nil {
		return r, err
	}
	wholes, err := r.wholes(sources)
	if err != nil {
		return r, err
	}
	var chosen []run
	names := map[string]bool{}
	for _, w := range wholes {
		one, err := r.choose(w, names)
		if err != nil {
			return r, err
		}
		chosen = append(chosen, one)
	}
	if len(r.Missing) > 0 && !o.Partial {
		return r, fmt.Errorf("%s: %w", strings.Join(r.Missing, "\n"), ErrIncomplete)
	}
	return r, write(chosen, o)
}

// open reads all files.
func open(paths []string) ([]*source, error) {
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			return nil, usage.Errorf("%s is named twice", path)
		}
	}
	sources := make([]*source, len(paths))
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		all.Go(func() error {
			s, err := record.Store{Path: path}.Survey()
			if err != nil {
				return usage.Error{Err: err}
			}
			sources[i] = &source{path: path, File: s, byRun: map[string][]record.Record{}}
			for _, rec := range s.Records {
				sources[i].byRun[rec.Run] = append(sources[i].byRun[rec.Run], rec)
			}
			return nil
		})
	}
	err := all.Wait()
	return slices.DeleteFunc(sources, func(s *source) bool { return s == nil }), err
}

// wholes sorts the runs in the files by the plan that they are shards of.
func (r *Result) wholes(sources []*source) ([]*whole, error) {
	var all []*whole
	for _, s := range sources {
		for _, d := range s.Damage {
			r.Missing = append(r.Missing, fmt.Sprintf("%s:%d is damaged: %s", s.path, d.Line, d.Why))
		}
		planned := map[string]bool{}
		for _, p := range s.Plans() {
			planned[p.Run] = true
			if p.Shard == nil {
				return nil, usage.Errorf("%s: the run %s is not a shard's: merge takes what netstrip run --shard wrote, a new file for each shard", s.path, p.Run)
			}
			i := slices.IndexFunc(all, func(w *whole) bool { return w.key == p.Key() })
			if i < 0 {
				i, all = len(all), append(all, &whole{key: p.Key()})
			}
			all[i].parts = append(all[i].parts, part{s, p})
		}
		for run := range s.byRun {
			if !planned[run] {
				r.Missing = append(r.Missing, fmt.Sprintf("%s: the plan of the run %s is missing", s.path, run))
			}
		}
		if len(s.Plans()) == 0 {
			r.Missing = append(r.Missing, s.path+" has no plan: the shard ended before it began a run")
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("none of the files has a shard: %w", ErrIncomplete)
	}
	return all, differ(all)
}

// differ returns an error if two plans have no file in common: each was made on other machines, with
// another compiler or another selection of kernels. Plans of several groups are in every file.
func differ(all []*whole) error {
	for i, w := range all {
		for _, other := range all[:i] {
			if slices.ContainsFunc(w.parts, func(p part) bool {
				return slices.ContainsFunc(other.parts, func(q part) bool { return p.from == q.from })
			}) {
				continue
			}
			a, b := other.parts[0], w.parts[0]
			return fmt.Errorf("the plans of %s and %s differ: %s", a.from.path, b.from.path, difference(a.plan, b.plan))
		}
	}
	return nil
}

// difference returns the first difference between two plans.
func difference(a, b record.Plan) string {
	x, y := a.Shard.Whole, b.Shard.Whole
	name := func(p record.Plan, b record.Boot) string { return strings.TrimPrefix(b.ID, p.Run+"/") }
	for i := range min(len(x), len(y)) {
		n, m := name(a, x[i]), name(b, y[i])
		if n != m {
			return fmt.Sprintf("one boots %s, the other %s", n, m)
		}
		if x[i].Inputs != y[i].Inputs {
			return fmt.Sprintf("the source, the compiler, the fragments or the init of %s", n)
		}
	}
	switch {
	case len(x) != len(y):
		return fmt.Sprintf("%d boots and %d", len(x), len(y))
	case a.Shard.Of != b.Shard.Of:
		return fmt.Sprintf("%d shards and %d", a.Shard.Of, b.Shard.Of)
	case a.Probes != b.Probes:
		return fmt.Sprintf("the probes %q and %q", a.Probes, b.Probes)
	}
	return "the user's files"
}

// found is a record and its file.
type found struct {
	record.Record
	from *source
}

// run is what is written of a whole.
type run struct {
	plan  record.Plan
	boots []found // those that there are, in the order of the plan
	ids   []string
}

// choose chooses one record of each boot of a whole. names are the names of runs that are taken.
func (r *Result) choose(w *whole, names map[string]bool) (run, error) {
	first := slices.MinFunc(w.parts, func(a, b part) int { return cmp.Compare(a.plan.Run, b.plan.Run) })
	out := run{plan: first.plan}
	out.plan.Shard = nil
	for _, p := range w.parts {
		out.plan.Apps = cmp.Or(out.plan.Apps, p.plan.Apps)
		if p.plan.Apps != out.plan.Apps && p.plan.Apps != "" {
			return out, fmt.Errorf("the plans of %s and %s differ: the applications or their disk", first.from.path, p.from.path)
		}
		if p.plan.Time.Before(out.plan.Time) {
			out.plan.Time = p.plan.Time
		}
	}
	for n := 2; names[out.plan.Run]; n++ {
		out.plan.Run = fmt.Sprintf("%s-%d", first.plan.Run, n)
	}
	names[out.plan.Run] = true
	r.countShards(w)
	out.plan.Boots = slices.Clone(first.plan.Shard.Whole)
	candidates := map[string][]found{}
	for _, p := range w.parts {
		for _, rec := range p.from.byRun[p.plan.Run] {
			boot := strings.TrimPrefix(rec.ID, p.plan.Run)
			candidates[boot] = append(candidates[boot], found{rec, p.from})
		}
	}
	for i := range out.plan.Boots {
		b := &out.plan.Boots[i]
		boot := strings.TrimPrefix(b.ID, first.plan.Run)
		b.ID = out.plan.Run + boot
		rec, err := agreed(candidates[boot])
		if err != nil {
			return out, fmt.Errorf("%s: %w", boot[1:], err)
		}
		delete(candidates, boot)
		if rec == nil {
			r.Missing = append(r.Missing, w.missing(boot))
			continue
		}
		out.boots, out.ids = append(out.boots, *rec), append(out.ids, b.ID)
	}
	for boot, left := range candidates {
		return out, fmt.Errorf("%s has a record of %s, which is not in its plan", left[0].from.path, boot)
	}
	r.Boots, r.PlannedBoots = r.Boots+len(out.boots), r.PlannedBoots+len(out.plan.Boots)
	return out, r.comparable(out)
}

// countShards counts the shards of a whole, and reports those that are missing.
func (r *Result) countShards(w *whole) {
	of := w.parts[0].plan.Shard.Of
	r.PlannedShards += of
	for i := 1; i <= of; i++ {
		if slices.ContainsFunc(w.parts, func(p part) bool { return p.plan.Shard.Index == i }) {
			r.Shards++
		} else {
			r.Missing = append(r.Missing, fmt.Sprintf("shard %d of %d is missing", i, of))
		}
	}
}

// missing says which shard lacks a boot.
func (w *whole) missing(boot string) string {
	for _, p := range w.parts {
		if slices.ContainsFunc(p.plan.Boots, func(b record.Boot) bool { return b.ID == p.plan.Run+boot }) {
			return fmt.Sprintf("%s lacks the boot %s: shard %d of %d did not finish", p.from.path, boot[1:], p.plan.Shard.Index, p.plan.Shard.Of)
		}
	}
	return "no file has the boot " + boot[1:]
}

// agreed returns the newest of the records of one boot, nil without one. Those that say nothing about
// the kernel count only if there is no other. The others must agree.
func agreed(all []found) (*found, error) {
	if len(all) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(all, func(a, b found) int { return a.Time.Compare(b.Time) })
	settled := slices.DeleteFunc(slices.Clone(all), func(f found) bool { return f.Outcome == "" || f.Outcome.RigFault() })
	if len(settled) == 0 {
		return &all[len(all)-1], nil
	}
	newest := settled[len(settled)-1]
	if len(settled) == 1 {
		return &newest, nil
	}
	want, err := newest.answers()
	if err != nil {
		return nil, err
	}
	for _, other := range settled[:len(settled)-1] {
		got, err := other.answers()
		if err != nil {
			return nil, err
		}
		for _, id := range slices.Sorted(keys(want, got)) {
			if want[id] != got[id] {
				return nil, fmt.Errorf("%w: %s: %s in %s, %s in %s", ErrDiffers, id,
					cmp.Or(got[id], "nothing"), other.from.path, cmp.Or(want[id], "nothing"), newest.from.path)
			}
		}
	}
	return &newest, nil
}

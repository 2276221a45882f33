// Package plan plans the boots of many kernels, of several series and architectures, and splits
// them between machines. It runs on the host. A plan is a file: the machines that follow it need not
// know how it was split, so it may use costs that were measured on one of them.
package plan

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/shard"
)

// kind marks a file as one of this package.
const kind = "shards"

// File is a plan for several machines.
type File struct {
	Schema int    `json:"schema"`
	Kind   string `json:"kind"`
	// Groups are what one runner boots each, Kernels the kernels of all groups, and Shards the parts
	// that they are split into; none without a number of shards.
	Groups  []Group  `json:"groups"`
	Kernels []Kernel `json:"kernels"`
	Shards  []Shard  `json:"shards,omitempty"`
	// Jobs is the number of cores of each machine that the times of shards are for.
	Jobs int `json:"jobs"`
}

// Group is a plan for one series and architecture, and either probes or applications.
type Group struct {
	Series string `json:"series,omitempty"`
	Arch   string `json:"arch"`
	// Applications says that its boots ask applications.
	Applications bool `json:"applications,omitempty"`
	record.Plan
}

// Kernel is a kernel to build, and its boots.
type Kernel struct {
	// Name is that of the profile with series and architecture, Key the kernel's key in the cache;
	// empty if it has not been built.
	Name string `json:"name"`
	Key  string `json:"key,omitempty"`
	// Tree names the object tree; of the kernels of one tree on a machine, each but the first costs
	// only Next. First is the additional cost of the first.
	Tree  string `json:"tree,omitempty"`
	First Cost   `json:"first"`
	Next  Cost   `json:"next"`
	Boots []Boot `json:"boots"`
	// Shard is the number of its shard, from 1; 0 if the plan is not split.
	Shard int `json:"shard,omitempty"`
}

// Boot is a boot of a kernel; its ID is that of a boot in one of the groups.
type Boot struct {
	ID string `json:"id"`
	Cost
}

// Cost is a time of one core, and where it is from.
type Cost struct {
	Seconds float64 `json:"seconds"`
	// From is "measured" for what was measured on this machine, "guess" for what is part of the
	// program, and "cached" for nothing, since the kernel is in the cache.
	From string `json:"from"`
}

// Shard is a part of a plan.
type Shard struct {
	// Shard is the value of --shard: 2/4.
	Shard string `json:"shard"`
	// Seconds is the predicted time on Jobs cores.
	Seconds float64  `json:"seconds"`
	Kernels []string `json:"kernels"`
	Boots   int      `json:"boots"`
}

// Options say how to plan.
type Options struct {
	Selection
	// Profiles returns the profiles with names, and those of the user's files.
	Profiles func(o source.Options, names ...string) ([]kconfigs.Profile, error)
	// Runner opens a runner for a source; nil uses only the costs that are part of the program, and
	// leaves out what is known on this machine.
	Runner func(o source.Options) (*run.Runner, error)
	// Source is the source without series and architecture, and Probes the patterns of the probes.
	Source source.Options
	Probes string
	// Shards is the number of shards; 0 does not split. Jobs is the number of cores of a machine.
	Shards, Jobs int
}

// New plans. It builds, boots and fetches nothing.
func New(ctx context.Context, o Options) (*File, error) {
	if o.Shards < 0 || o.Shards > 10_000 {
		return nil, usage.Errorf("--shards %d: want a number from 1 to 10000", o.Shards)
	}
	variants, err := o.variants(o.Source.Path+o.Source.URL != "")
	if err != nil {
		return nil, err
	}
	f := &File{Schema: 1, Kind: kind, Jobs: max(o.Jobs, 1), Kernels: []Kernel{}}
	for i, w := range variants {
		if err := o.group(ctx, f, w, fmt.Sprintf("plan%d", i+1)); err != nil {
			return nil, err
		}
	}
	if o.Shards > 0 {
		f.split(o.Shards)
	}
	return f, nil
}

// group adds the group of a variant.
func (o Options) group(ctx context.Context, f *File, w wanted, name string) error {
	from := o.Source
	from.Series, from.Arch = w.series, w.arch
	wants, err := o.wants(from, w)
	if err != nil {
		return err
	}
	g := Group{Series: w.series, Arch: w.arch, Applications: w.apps}
	var kernels []run.Planned
	if o.Runner == nil {
		g.Plan, kernels, err = guessed(wants, w.arch, name)
	} else {
		var runner *run.Runner
		if runner, err = o.Runner(from); err == nil {
			g.Plan, kernels, err = runner.Plan(ctx, wants)
		}
	}
	if err != nil {
		return err
	}
	if g.Schema, g.Kind = record.Schema, "plan"; !w.apps {
		g.Probes = o.Probes
	}
	f.Groups = append(f.Groups, g)
	of, err := arch.Parse(w.arch)
	variant := ref.Ref{Series: w.series, Arch: of.Label()}
	for _, k := range kernels {
		f.Kernels = append(f.Kernels, described(k, variant, g.Plan))
	}
	return err
}

// guessed returns the plan of boots whose inputs are unknown.
func guessed(wants []run.Want, of, name string) (record.Plan, []run.Planned, error) {
	kernels, err := run.Guess(wants, of)
	p := record.Plan{Run: name}
	for _, w := range wants {
		r := ref.Parse(w.Profile.Name)
		r.Init = w.Init
		p.Boots = append(p.Boots, record.Boot{ID: name + "/" + r.String(), Profile: w.Profile.Name, Init: w.Init})
	}
	return p, kernels, err
}

// wants returns the boots of a variant: each name, and each kernel with each of the inits.
func (o Options) wants(from source.Options, w wanted) ([]run.Want, error) {
	var names []string
	for _, r := range w.names {
		if n := r.Profile(); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	profiles, err := o.Profiles(from, names...)
	if err != nil {
		return nil, err
	}
	var wants []run.Want
	for i, p := range profiles {
		inits := o.Inits
		if i < len(names) {
			inits = nil
			for _, r := range w.names {
				switch {
				case r.Profile() != names[i]:
				case r.Init == "" && !r.Apps && len(o.Inits) > 0:
					inits = append(inits, o.Inits...)
				default:
					inits = append(inits, r.Init)
				}
			}
		}
		for _, init := range atLeast(inits, "") {
			wants = append(wants, run.Want{Profile: p, Init: init})
		}
	}
	return wants, nil
}

// described returns a kernel with the costs that are known best.
func described(p run.Planned, of ref.Ref, plan record.Plan) Kernel {
	cost := func(d time.Duration, from string) Cost { return Cost{d.Round(time.Millisecond).Seconds(), from} }
	named := func(name string) string {
		r := ref.Parse(name)
		r.Series, r.Arch = of.Series, of.Arch
		return r.String()
	}
	k := Kernel{Name: named(p.Guess.Name), First: cost(p.Guess.First, "guess"), Next: cost(p.Guess.Next, "guess")}
	if p.Guess.Tree != "" {
		k.Tree = named(p.Guess.Tree)
	}
	if p.Past != nil {
		k.Key, k.First, k.Next, k.Tree = p.Past.Key, Cost{0, "cached"}, Cost{0, "cached"}, ""
	}
	for i, b := range p.Boots {
		from := map[bool]string{true: "measured", false: "guess"}[p.Timed[i]]
		k.Boots = append(k.Boots, Boot{plan.Boots[b].ID, cost(p.Takes[i], from)})
	}
	return k
}

// split assigns the kernels to n shards.
func (f *File) split(n int) {
	kernels := make([]shard.Kernel, len(f.Kernels))
	for i, k := range f.Kernels {
		kernels[i] = shard.Kernel{Name: k.Name, Tree: k.Tree, First: k.First.time(), Next: k.Next.time()}
		for _, b := range k.Boots {
			kernels[i].Boots += b.time()
		}
	}
	f.Shards = nil
	for i, of := range shard.Split(kernels, n) {
		s := Shard{Shard: fmt.Sprintf("%d/%d", i+1, n), Kernels: []string{}}
		s.Seconds = (shard.Cost(kernels, of) / time.Duration(f.Jobs)).Seconds()
		for _, k := range of {
			f.Kernels[k].Shard = i + 1
			s.Kernels, s.Boots = append(s.Kernels, f.Kernels[k].Name), s.Boots+len(f.Kernels[k].Boots)
		}
		f.Shards = append(f.Shards, s)
	}
}

func (c Cost) time() time.Duration { return time.Duration(c.Seconds * float64(time.Second)) }

// maxFile is the largest size of a plan in bytes.
const maxFile = 64 << 20

// Read reads a plan.
func Read(path string) (*File, error) {
	data, err := file.Read(path, maxFile)
	if err != nil {
		return nil, usage.Errorf("reading the plan: %w", err)
	}
	f := &File{}
	if err := json.Unmarshal(data, f); err != nil {
		return nil, usage.Errorf("reading the plan %s: %w", path, err)
	}
	if f.Kind != kind || f.Schema != 1 {
		return nil, usage.Errorf("%s is not a plan of netstrip plan --json, or of a newer netstrip", path)
	}
	return f, nil
}

// Assigned returns the shards of a group's boots. The plan must be split into s.Of shards.
func (f *File) Assigned(g Group, s shard.Shard) (run.Assignment, error) {
	if len(f.Shards) != s.Of {
		return nil, usage.Errorf("the plan has %d shards, but this is %s", len(f.Shards), s)
	}
	of := map[string]int{}
	for _, k := range f.Kernels {
		for _, b := range k.Boots {
			of[b.ID] = k.Shard
		}
	}
	all := make(run.Assignment, len(g.Boots))
	for i, b := range g.Boots {
		if all[i] = of[b.ID]; all[i] < 1 || all[i] > s.Of {
			return nil, usage.Errorf("the plan assigns %s to no shard", cmp.Or(b.ID, "a boot without a name"))
		}
	}
	return all, nil
}

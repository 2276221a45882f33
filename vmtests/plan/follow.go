package plan

import (
	"context"
	"slices"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// Follow boots what the plan in a file says, or the part of it that is o's shard, one group after
// the other. The groups have their own series, architectures, probes and applications.
func Follow(ctx context.Context, path string, o run.Options) ([]record.Record, error) {
	f, err := Read(path)
	if err != nil {
		return nil, err
	}
	if o.Source.Arch != "" || o.Source.Series != "" || o.Probes != "" {
		return nil, usage.Errorf("the plan names the series, the architectures and the probes: name none")
	}
	var all []record.Record
	for _, g := range f.Groups {
		var assigned run.Assignment
		if o.Shard.Of > 0 {
			if assigned, err = f.Assigned(g, o.Shard); err != nil {
				return nil, err
			}
		}
		one := o
		one.Source.Series, one.Source.Arch = g.Series, g.Arch
		if g.Applications && (assigned == nil || slices.Contains(assigned, o.Shard.Index)) {
			if err := one.UseApps(ctx, ""); err != nil {
				return nil, err
			}
		}
		runner, err := run.New(ctx, one)
		if err != nil {
			return nil, err
		}
		records, err := runner.Follow(ctx, g.Plan, assigned)
		if err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	return all, nil
}

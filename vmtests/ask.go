package vmtests

import (
	"context"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/record"
)

// NoProbes is a pattern that fits no probe: the guest starts, says so and ends.
const NoProbes = "-"

// Ask boots a kernel that Build gave for a profile, asks it only the probes that fit a list
// of patterns, and records that under the profile's name, which must be asked under once in
// a run. It is for those who want one answer of many kernels.
func (r *Rig) Ask(ctx context.Context, profile kconfigs.Profile, k *kbuild.Kernel, probes string) (record.Record, error) {
	if err := checkPatterns(probes); err != nil {
		return record.Record{}, err
	}
	r.once.Do(func() { r.ready, r.readyErr = r.prepare(ctx, k) })
	if r.readyErr != nil {
		return record.Record{}, r.readyErr
	}
	p := r.ready
	p.results, p.probes = r.store, probes
	return r.bootOne(ctx, p, subject{Profile: profile, kernel: k}, r.run+"/"+profile.Name)
}

// Image is the key of the initramfs that Ask boots with. With other probes it is another.
func (r *Rig) Image(ctx context.Context) (string, error) {
	image, err := initramfs.Build(ctx, initramfs.Options{Cache: r.cache, Progress: r.opts.Progress, Apps: r.opts.Apps})
	if err != nil {
		return "", err
	}
	return image.Key, nil
}

// Builder is what builds the rig's kernels.
func (r *Rig) Builder() *kbuild.Builder { return r.builder }

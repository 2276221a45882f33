package run

import (
	"context"
	"fmt"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/record"
)

// NoProbes is a pattern that matches no probe: the guest starts, says so and ends.
const NoProbes = "-"

// Ask boots a kernel that Build returned for a profile, runs only the probes that match the
// patterns, and records the boot under the profile's name. Each name may be used once in a run. It
// is for callers who want one answer from many kernels.
func (r *Runner) Ask(ctx context.Context, profile kconfigs.Profile, k *kbuild.Kernel, probes string) (record.Record, error) {
	if err := checkPatterns(probes); err != nil {
		return record.Record{}, err
	}
	p, err := r.prepareOnce(ctx, k)
	if err != nil {
		return record.Record{}, err
	}
	p.results, p.probes = r.store, probes
	return r.bootOne(ctx, p, target{Profile: profile, kernel: k}, r.run+"/"+profile.Name)
}

// Conditions returns what the answers of Ask depend on apart from the kernel and the probes, one
// per line: QEMU, accelerator, memory, initramfs and disk. It may boot the kernel to try KVM.
func (r *Runner) Conditions(ctx context.Context, k *kbuild.Kernel) (string, error) {
	p, err := r.prepareOnce(ctx, k)
	if err != nil {
		return "", err
	}
	disk := "none"
	if r.opts.Disk != nil {
		disk = r.opts.Disk.Key
	}
	means := fmt.Sprintf("QEMU %s\naccelerator %s\nmemory %d MiB\ninitramfs %s\ndisk %s",
		p.version, p.accel.Name, r.opts.MemoryMiB, p.image.Key, disk)
	if r.opts.Append != "" {
		means += "\narguments " + r.opts.Append
	}
	return means, nil
}

func (r *Runner) prepareOnce(ctx context.Context, k *kbuild.Kernel) (prepared, error) {
	r.once.Do(func() { r.ready, r.readyErr = r.prepare(ctx, k) })
	return r.ready, r.readyErr
}

// Builder returns the builder of the runner's kernels.
func (r *Runner) Builder() *kbuild.Builder { return r.builder }

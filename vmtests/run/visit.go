package run

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Visit is a boot for a person.
type Visit struct {
	guest.Result

	// Log is the path of the console log, which is kept unless the boot completed. It replaces that
	// of the visit before: there is no record to find older ones by, nor to prune them with.
	Log string
}

// Visit boots a kernel that Build returned for a profile, for a session (guest.Guest.Session) with
// a person: the initramfs has a shell, no probe is asked, nothing is recorded, and there is no
// limit on the time. The initramfs has the files of the runner's first init, if there is one, but
// the kernel starts u-root's.
func (r *Runner) Visit(ctx context.Context, profile kconfigs.Profile, k *kbuild.Kernel, session func(io.ReadWriter)) (Visit, error) {
	p, s, err := r.visited(ctx, profile, k, true)
	if err != nil {
		return Visit{}, err
	}
	s.init = initramfs.Init{MemoryMiB: s.init.MemoryMiB}
	g := r.guestOf(p, s)
	g.Session, g.Limits.Total = session, math.MaxInt64
	r.opts.Progress.State("booting %s", s.name())
	res, err := guest.Boot(ctx, g)
	v := Visit{Result: res}
	if err == nil && res.Outcome != record.Completed && res.Console != nil {
		v.Log = filepath.Join(filepath.Dir(r.opts.Results), "console", logName("shell/"+s.name())+".log")
		if err = cache.WriteFile(v.Log, res.Console); err != nil {
			err = fmt.Errorf("keeping the console log: %w", err)
		}
	}
	return v, err
}

// VisitKey returns the key of the initramfs of a visit, without what a shell adds to it: that of a
// boot with the same options.
func (r *Runner) VisitKey(ctx context.Context, profile kconfigs.Profile, k *kbuild.Kernel) (string, error) {
	p, _, err := r.visited(ctx, profile, k, false)
	if err != nil {
		return "", err
	}
	return p.image.Key, nil
}

// visited prepares the boot of a kernel, with a shell in the initramfs or without.
func (r *Runner) visited(ctx context.Context, profile kconfigs.Profile, k *kbuild.Kernel, tools bool) (prepared, target, error) {
	p, err := r.prepareOnce(ctx, k)
	if err != nil {
		return p, target{}, err
	}
	s := r.targets([]kconfigs.Profile{profile}, []*kbuild.Kernel{k})[0]
	s.tools, p.probes = tools, ""
	p.image, err = r.imageFor(ctx, p, s, k)
	return p, s, err
}

package run

import (
	"context"
	"io"
	"math"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/guest"
)

// Visit boots a kernel that Build returned for a profile, for a session (guest.Guest.Session) with
// a person: the initramfs has a shell, no probe is asked, nothing is recorded, and there is no
// limit on the time.
func (r *Runner) Visit(ctx context.Context, profile kconfigs.Profile, k *kbuild.Kernel, session func(io.ReadWriter)) (guest.Result, error) {
	p, err := r.prepareOnce(ctx, k)
	if err != nil {
		return guest.Result{}, err
	}
	p.probes = ""
	s := target{Profile: profile, kernel: k, tools: true}
	if p.image, err = r.imageFor(ctx, p, s, k); err != nil {
		return guest.Result{}, err
	}
	g := r.guestOf(p, s)
	g.Session, g.Limits.Total = session, math.MaxInt64
	r.opts.Progress.State("booting %s", s.name())
	return guest.Boot(ctx, g)
}

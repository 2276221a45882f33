package run

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/netstrip/netstrip/initramfs/bundle"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/initramfs/wire/duplex"
	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/session"
)

// Job is a user's program that the guests run instead of the probes; see package job.
type Job struct {
	duplex.Job
	wire.Command
	// Files are what the program needs in the guest.
	Files *bundle.Bundle
	// Session returns the program's streams on a kernel, by the name of its record, and what is
	// called at their end. It is called once for each boot, and again if a boot is repeated; traced
	// says that the boot is the one that finds out why the program failed.
	Session func(kernel string, traced bool) (s session.Session, end func() error)
	// Plain leaves out the second boot, under ptrace, that finds the call that made the program fail.
	Plain bool
}

// session returns a guest with the session of the job.
func (r *Runner) session(ctx context.Context, g guest.Guest, kernel string, traced bool) guest.Guest {
	job := r.opts.Job.Job
	job.Trace = traced
	g.Limits.Total += job.Limit(traced)
	g.Session = func(port io.ReadWriter) {
		s, end := r.opts.Job.Session(kernel, traced)
		s.Request = duplex.Request{Command: r.opts.Job.Command, Job: &job}
		_, err := s.Run(ctx, port)
		if err = errors.Join(err, end()); err != nil && ctx.Err() == nil {
			r.opts.Progress.Line("%s: %s", kernel, report.Escape(err.Error(), 200)) // the outcome says more
		}
	}
	return g
}

// decide adds the call that decided to the record of a job that failed. It boots the kernel once
// more for that, and runs the program under ptrace.
func (r *Runner) decide(ctx context.Context, g guest.Guest, s target, rec *record.Record) error {
	if r.opts.Job == nil || r.opts.Job.Plain || rec.Outcome != record.Completed {
		return nil
	}
	f, ok := report.Finding(*rec, r.opts.Job.ID)
	if !ok || f.Exit == nil || f.Exit.Code == 0 || f.Exit.Limit != "" || f.Exit.Unstarted != "" {
		return nil
	}
	r.opts.Progress.State("%s: looking for the call that decided", s.name())
	g.Limits = guest.LimitsFor(g.Accel)
	res, err := guest.Boot(ctx, r.session(ctx, g, s.name(), true))
	if err != nil {
		return err
	}
	traced, ok := report.Finding(record.Record{Findings: res.Findings}, f.ID)
	if !ok || traced.Exit == nil {
		rec.Notices = append(rec.Notices, "the boot under ptrace, which was to find the call that decided: "+string(res.Outcome))
		return nil
	}
	for i := range rec.Findings {
		if rec.Findings[i].ID == f.ID {
			rec.Findings[i] = merge(f, traced)
		}
	}
	return nil
}

// merge adds to a finding what the same program under ptrace showed.
func merge(f, traced wire.Finding) wire.Finding {
	switch {
	case traced.Exit.Code == 0:
		f.Verdict, f.Value = wire.Inconclusive, ""
		f.Detail = "worked when run again under ptrace; the first time: " + f.Exit.String()
	default:
		f.Call, f.Errno = traced.Call, traced.Errno
		if f.Exit.Signal != "SIGKILL" && conclusive(f.Call, f.Errno) {
			f.Verdict = wire.Absent
		}
	}
	return f
}

// conclusive reports whether a failed call shows that something is not in the kernel. A file may be
// missing because it was not taken along, unless it is one of the kernel's about the network.
func conclusive(call, errno string) bool {
	switch errno {
	case "ENOSYS", "EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP", "ENODEV":
		return true
	case "ENOENT":
		return strings.Contains(call, "/proc/") || strings.Contains(call, "/sys/")
	case "EINVAL":
		return strings.Contains(call, "CLONE_NEW") || strings.HasPrefix(call, "seccomp") || strings.HasPrefix(call, "prctl")
	}
	return false
}

// jobMiB is the memory of a guest that runs a user's program, besides that for the files: each is in
// memory twice while the kernel unpacks the initramfs, and the root file system is at most half of
// the memory (shmem_default_max_blocks, mm/shmem.c:147).
const jobMiB = 384

// memory returns the memory of the guests in MiB, unless the user chose it.
func (o Options) memory() int {
	switch {
	case o.Disk != nil:
		return 2048
	case o.Job != nil:
		return jobMiB + 3*int(o.Job.Files.Bytes()>>20)
	}
	return 256
}

// described returns what a record says about a job.
func (j *Job) described() *wire.Command {
	if j == nil {
		return nil
	}
	return &wire.Command{Argv: j.Argv, Dir: j.Dir}
}

// JobID returns the ID of the finding for a program: exec/NAME, of the last part of its path.
func JobID(program string) string {
	name := program[strings.LastIndex(program, "/")+1:]
	keep := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._+-", r) {
			return r
		}
		return '_'
	}
	const longest = 60
	name = strings.Map(keep, name)
	if name == "" {
		name = "program"
	}
	return wire.JobFamily + "/" + name[:min(len(name), longest)]
}

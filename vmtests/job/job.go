// Package job runs a program of this machine in guests, one for each kernel, and says how it ended
// and why. It runs on the host. The command exec uses it, and a Go test can: see the example.
//
// The program gets the caller's arguments, environment, working directory, user and standard input.
// The guest has only the files that it is known to need (package bundle): the program, its
// interpreter and libraries, regular files that the arguments name, and those of Options.With. They
// travel in the initramfs, since most kernels here have neither disks nor network.
package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
)

// Options describe a program and how to run it. Only Command must be set.
type Options struct {
	// Command is the program, by a path or its name in PATH, and its arguments.
	Command []string
	// Env is the environment, as in os.Environ; nil means that of this process. Dir is the working
	// directory; empty means that of this process.
	Env []string
	Dir string
	// Stdin is the standard input, which every guest reads from its beginning; nil means none.
	Stdin io.Reader
	// Stdout and Stderr receive the output as it comes; nil discards it. With several kernels each
	// line begins with the kernel.
	Stdout, Stderr io.Writer
	// With are more files and directories that the program needs.
	With []string
	// Root is a directory that becomes the root file system of the guest, as a copy in its memory. The
	// program is then looked for in it first.
	Root string
	// Disk puts the disk of the applications below the root. The kernels must be those for
	// applications; their names get +apps.
	Disk bool
	// Out is a directory for the files that the program creates or changes; empty means that they
	// are lost. With several kernels there is one below it for each.
	Out string
	// Limit is the time limit; 0 means five minutes.
	Limit time.Duration
	// Plain leaves out the second boot of a kernel on which the program failed, which finds the
	// system call that decided.
	Plain bool
	// Run says how to build and boot. Run keeps the results and the console logs only if Run.Results
	// names a file.
	Run run.Options
}

// Result is how the program ended on a kernel.
type Result struct {
	// Kernel is the name of the kernel.
	Kernel string
	// Exit is how the program ended; nil if the guest ended first. Then Record says how.
	Exit *wire.Exit
	// Finding has the verdict, and the call that decided.
	Finding wire.Finding
	// Record is the record of the boot.
	Record record.Record
}

// Run runs a program on the kernels with these names, full and no-net if there are none, and returns
// the results in that order. A program that fails is no error.
func Run(ctx context.Context, o Options, names ...string) ([]Result, error) {
	var profiles []kconfigs.Profile
	for _, n := range o.Names(false, names...) {
		p, err := kconfigs.Lookup(n)
		if err != nil {
			return nil, err
		}
		profiles = append(profiles, p)
	}
	if o.Run.Results == "" { // a test leaves nothing behind
		dir, err := os.MkdirTemp("", "netstrip-*")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		o.Run.Results = filepath.Join(dir, "netstrip.jsonl")
	}
	if err := o.Prepare(ctx, &o.Run, len(profiles)); err != nil {
		return nil, err
	}
	if err := o.Run.Ready(); err != nil {
		return nil, err
	}
	r, err := run.New(ctx, o.Run)
	if err != nil {
		return nil, err
	}
	records, err := r.Run(ctx, profiles)
	return Results(records), err
}

// Names returns the names of the kernels to boot for those that the user names: full and no-net if
// that is none, unless there are others.
func (o Options) Names(others bool, kernels ...string) []string {
	if len(kernels) == 0 && !others {
		kernels = []string{"full", "no-net"}
	}
	var names []string
	for _, k := range kernels {
		r := ref.Parse(k)
		r.Apps = r.Apps || o.Disk
		names = append(names, r.String())
	}
	return names
}

// Prepare has the guests of a run with these options run the program, on so many kernels.
func (o Options) Prepare(ctx context.Context, r *run.Options, kernels int) error {
	a, err := arch.Parse(r.Source.Arch)
	if err != nil {
		return err
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if r.Job, err = o.pack(a, kernels > 1); err != nil {
		return usage.Error{Err: err}
	}
	r.Own, r.Probes = []string{r.Job.ID}, r.Job.ID
	if o.Disk {
		return r.UseDisk(ctx)
	}
	return nil
}

// Results returns how a program ended in boots of Runner.
func Results(records []record.Record) []Result {
	results := make([]Result, len(records))
	for i, r := range records {
		results[i] = Result{Kernel: r.Profile, Record: r}
		for _, f := range r.Findings {
			if f.Exit != nil {
				results[i].Finding, results[i].Exit = f, f.Exit
			}
		}
	}
	return results
}

// Code returns the exit code of the program as a shell reports it, or 1 if the kernel ended first.
func (r Result) Code() int {
	if r.Exit == nil {
		return 1
	}
	return r.Exit.Code & 0xff
}

// Line says in one line how the program ended and why.
func (r Result) Line() string {
	if r.Exit == nil {
		return report.Escape(fmt.Sprintf("%s: the kernel ended before the program: %s: %s", r.Kernel, r.Record.Outcome, r.Record.Reason), maxLine)
	}
	line := r.Kernel + ": " + r.Exit.String()
	if r.Finding.Call != "" {
		line += "; " + r.Finding.Call + " " + r.Finding.Errno
	}
	if r.Exit.Said != "" && r.Exit.Code != 0 {
		line += wire.AppSaid + r.Exit.Said
	}
	if r.Record.Disk == nil && r.Finding.Verdict != wire.Absent && missing.MatchString(r.Exit.Said) && r.Code() != 0 {
		line += "; the guest has only the files that were taken along: add others with --with PATH, or use --disk, which has Python and Node"
	}
	if r.Exit.Note != "" {
		line += "; " + r.Exit.Note
	}
	return report.Escape(line, maxLine)
}

// missing finds the last words of a program that misses a file.
var missing = regexp.MustCompile(`No such file or directory|No module named|cannot open shared object|Cannot find module|: not found`)

// maxLine bounds a line about a program, in characters.
const maxLine = 1000

// ErrDiffers is the error of Judge for a program that did not end as expected.
var ErrDiffers = errors.New("the program did not end alike on all kernels")

// Judge returns the exit code of the whole: that of the program for one kernel. For several it is 0
// if the program ended with the code expect on all of them, or alike on all if expect is negative,
// and else 1. The error is that of a boot that proves nothing.
func Judge(results []Result, expect int) (code int, err error) {
	for _, r := range results {
		if r.Exit == nil && r.Record.Outcome.RigFault() {
			err = errors.Join(err, fmt.Errorf("%s: %s: %s", r.Kernel, r.Record.Outcome, report.Escape(r.Record.Reason, maxLine)))
		}
	}
	if err != nil || len(results) == 0 {
		return 0, err
	}
	first := results[0]
	if len(results) == 1 && expect < 0 {
		return first.Code(), nil
	}
	for _, r := range results {
		if r.Exit == nil || expect >= 0 && r.Code() != expect || expect < 0 && r.Code() != first.Code() {
			return 1, nil
		}
	}
	return 0, nil
}

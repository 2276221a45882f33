// Package doctor checks what netstrip needs of the machine: programs, headers, a kernel source,
// a cache with room, an accelerator. It runs on the host, and installs nothing.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/programs"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/table"
)

// enoughSpace is what a first run takes in the cache, in bytes: the unpacked source,
// the object tree, eight kernels.
const enoughSpace = 4 << 30

// Options say where to look.
type Options struct {
	// Cache is the directory of the cache; empty means the user's.
	Cache    string
	Source   source.Options
	Progress *progress.Printer
	// RetryKVM tries KVM again even if an earlier try failed.
	RetryKVM bool
}

// Check is the result of checking one requirement.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Found says what was found, or what is wrong.
	Found string `json:"found"`
	// Package contains a missing program on this system. On an unknown system it is Debian's;
	// empty if no package is known to.
	Package string `json:"package,omitempty"`
	// Optional is set if most of netstrip works without it.
	Optional bool `json:"optional,omitempty"`
}

// Checks are the results, in the order of the report.
type Checks []Check

// Run checks everything.
func Run(ctx context.Context, o Options) (Checks, error) {
	var checks Checks
	for _, p := range programs.All() {
		if !p.Source() { // checkPlaces looks for the source
			checks = append(checks, checkProgram(ctx, p))
		}
	}
	return append(checks, checkPlaces(ctx, o)...), ctx.Err()
}

// Table shows the checks.
func (c Checks) Table() *table.Table {
	t := &table.Table{Value: c}
	for _, c := range c {
		state := "ok"
		switch {
		case !c.OK && c.Optional:
			state = "optional"
		case !c.OK:
			state = "MISSING"
		}
		t.Add(c.Name, state, report.Escape(c.Found, 400))
	}
	return t
}

// Err names what is missing and the command that installs it; nil if nothing is.
func (c Checks) Err() error {
	var bad, packages []string
	for _, c := range c {
		if c.OK || c.Optional {
			continue
		}
		bad = append(bad, c.Name)
		if c.Package != "" && !slices.Contains(packages, c.Package) {
			packages = append(packages, c.Package)
		}
	}
	switch {
	case bad == nil:
		return nil
	case packages == nil:
		return fmt.Errorf("not ready: %s", strings.Join(bad, ", "))
	}
	return fmt.Errorf("not ready: %s; %s", strings.Join(bad, ", "), programs.Command(packages...))
}

func checkProgram(ctx context.Context, p programs.Program) Check {
	c := Check{Name: filepath.Base(p.Name), Optional: !p.Required}
	if strings.HasSuffix(p.Name, ".h") {
		c.Name = p.Name
	}
	if err := process.Check(ctx, p.Name); err != nil {
		c.Found, c.Package = "not found: "+p.How(), p.Package
		if c.Optional {
			c.Found += "; used for " + strings.Join(p.Uses, ", ")
		}
		return c
	}
	c.OK, c.Found = true, "found"
	path, err := programs.Find(p.Name)
	switch {
	case filepath.IsAbs(p.Name):
		c.Found = path
		return c
	case p.Version == "":
		return c
	case err == nil:
		c.Found, err = process.Version(ctx, path, p.Version)
	}
	switch {
	case err != nil:
		c.OK, c.Found = false, err.Error()
	case p.TooOld(c.Found):
		c.OK, c.Found = false, c.Found+": older than "+p.Minimum
	}
	return c
}

// checkPlaces checks the cache, the kernel source and KVM.
func checkPlaces(ctx context.Context, o Options) []Check {
	c, err := cache.Open(o.Cache)
	if err != nil {
		return []Check{{Name: "cache", Found: err.Error()}}
	}
	checks := []Check{checkSpace(c.Dir)}
	from := o.Source
	from.Cache = c
	if src, err := source.Open(ctx, from); err != nil {
		missing := Check{Name: "kernel source", Found: err.Error()}
		if from.Path == "" && from.URL == "" {
			missing.Package = programs.SourcePackage(cmp.Or(from.Series, source.Usual()))
		}
		checks = append(checks, missing)
	} else {
		checks = append(checks, Check{Name: "kernel source", OK: true, Found: src.Origin})
	}
	return append(checks, checkAccel(ctx, c, o))
}

func checkSpace(dir string) Check {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Check{Name: "cache", Found: fmt.Sprintf("%s: %v", dir, err)}
	}
	free := st.Bavail * uint64(st.Bsize)
	found := fmt.Sprintf("%s, %.1f GiB free", dir, float64(free)/(1<<30))
	if free < enoughSpace {
		found += fmt.Sprintf(" (a first run of all profiles takes up to %d)", enoughSpace>>30)
	}
	return Check{Name: "cache", OK: free >= enoughSpace/8, Found: found}
}

// checkAccel reports the accelerator that a run would use, and why. Without KVM netstrip is only
// slower, so nothing but a wrong setting is an error.
func checkAccel(ctx context.Context, c *cache.Cache, o Options) Check {
	choice, err := triedAccel(ctx, o)
	if err != nil {
		// Another check reports what a boot lacks. What is known without a boot is still worth
		// reporting.
		choice, err = accel.Choose(ctx, accel.Options{Cache: c, QEMU: "none"})
	}
	switch {
	case err != nil:
		return Check{Name: "accelerator", Found: err.Error()}
	case choice.Name == "":
		return Check{Name: "accelerator", OK: true, Found: choice.Reason}
	}
	found := choice.Name + ": " + choice.Reason
	if !choice.Until.IsZero() {
		found += fmt.Sprintf("; retried after %s, or now by netstrip doctor --retry-kvm", choice.Until.Local().Format("2006-01-02 15:04"))
	}
	return Check{Name: "accelerator", OK: true, Found: found}
}

// triedAccel boots a guest to find out whether KVM is usable, if a guest can be booted.
func triedAccel(ctx context.Context, o Options) (accel.Choice, error) {
	if err := run.Ready(""); err != nil {
		return accel.Choice{}, err
	}
	defer o.Progress.Clear()
	runner, err := run.New(ctx, run.Options{Cache: o.Cache, Source: o.Source, Progress: o.Progress, Accel: accel.Options{Again: o.RetryKVM}})
	if err != nil {
		return accel.Choice{}, err
	}
	return runner.Accelerator(ctx, nil)
}

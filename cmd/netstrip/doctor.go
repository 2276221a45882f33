package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/programs"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// enoughSpace is what a first run takes in the cache, in bytes: the unpacked source,
// the object tree, eight kernels.
const enoughSpace = 4 << 30

// check is one line of the doctor's report.
type check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Found says what is there, or what is wrong.
	Found string `json:"found"`
	// Package is Debian's package that has what is missing.
	Package string `json:"package,omitempty"`
	// Optional is set where most of netstrip works without it.
	Optional bool `json:"optional,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:  "doctor",
		RunE: func(c *cobra.Command, _ []string) error { return a.doctor(c.Context(), f) },
	}
	f.addJSON(c)
	f.addCache(c)
	f.addSource(c)
	c.Flags().BoolVar(&f.retryKVM, "retry-kvm", false, "try a boot under KVM again even if an earlier one failed")
	return c
}

func (a *app) doctor(ctx context.Context, f *flags) error {
	var checks []check
	for _, p := range programs.All() {
		if !filepath.IsAbs(p.Name) {
			checks = append(checks, checkProgram(ctx, p))
		}
	}
	checks = append(checks, a.checkPlaces(ctx, f)...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := a.writeChecks(checks, f.json); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	var bad, packages []string
	for _, c := range checks {
		if c.OK || c.Optional {
			continue
		}
		bad = append(bad, c.Name)
		if c.Package != "" && !slices.Contains(packages, c.Package) {
			packages = append(packages, c.Package)
		}
	}
	if bad == nil {
		return nil
	}
	hint := ""
	if packages != nil {
		hint = "; on Debian: apt-get install " + strings.Join(packages, " ")
	}
	return fmt.Errorf("not ready: %s%s", strings.Join(bad, ", "), hint)
}

func (a *app) writeChecks(checks []check, asJSON bool) error {
	t := table.Table{Value: checks}
	for _, c := range checks {
		state := "ok"
		switch {
		case !c.OK && c.Optional:
			state = "optional"
		case !c.OK:
			state = "MISSING"
		}
		t.Add(c.Name, state, report.Escape(c.Found, 400))
	}
	return t.Write(a.stdout, table.Format{JSON: asJSON})
}

func checkProgram(ctx context.Context, p programs.Program) check {
	c := check{Name: p.Name, Optional: !p.Required}
	if err := process.Check(ctx, p.Name); err != nil {
		c.Found, c.Package = "not found; Debian's package "+p.Package, p.Package
		if c.Optional {
			c.Found += ", used for " + strings.Join(p.Uses, ", ")
		}
		return c
	}
	c.OK, c.Found = true, "found"
	if p.Version == "" {
		return c
	}
	path, err := programs.Find(p.Name)
	if err == nil {
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

// checkPlaces looks at the cache, the kernel source and KVM.
func (a *app) checkPlaces(ctx context.Context, f *flags) []check {
	c, err := cache.Open(f.cache)
	if err != nil {
		return []check{{Name: "cache", Found: err.Error()}}
	}
	checks := []check{checkSpace(c.Dir)}
	o := f.source()
	o.Cache = c
	if src, err := kbuild.OpenSource(ctx, o); err != nil {
		source := check{Name: "kernel source", Found: err.Error()}
		if o.Path == "" && o.URL == "" {
			source.Package = "linux-source-" + cmp.Or(o.Series, kbuild.UsualSeries)
		}
		checks = append(checks, source)
	} else {
		checks = append(checks, check{Name: "kernel source", OK: true, Found: src.Origin})
	}
	return append(checks, a.checkAccel(ctx, c, f))
}

func checkSpace(dir string) check {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return check{Name: "cache", Found: fmt.Sprintf("%s: %v", dir, err)}
	}
	free := st.Bavail * uint64(st.Bsize)
	found := fmt.Sprintf("%s, %.1f GiB free", dir, float64(free)/(1<<30))
	if free < enoughSpace {
		found += fmt.Sprintf(" (a first run of all profiles takes up to %d)", enoughSpace>>30)
	}
	return check{Name: "cache", OK: free >= enoughSpace/8, Found: found}
}

// checkAccel says what a run would use and how that is known. Without KVM netstrip
// works all the same, only slower, so nothing but a wrong setting is an error here.
func (a *app) checkAccel(ctx context.Context, c *cache.Cache, f *flags) check {
	choice, err := a.triedAccel(ctx, f)
	if err != nil {
		// Something for a boot is missing, which other lines tell. What can be known
		// without a boot is still worth saying.
		choice, err = accel.Choose(ctx, accel.Options{Cache: c, QEMU: "none"})
	}
	switch {
	case err != nil:
		return check{Name: "accelerator", Found: err.Error()}
	case choice.Name == "":
		return check{Name: "accelerator", OK: true, Found: choice.Reason}
	}
	found := choice.Name + ": " + choice.Reason
	if !choice.Until.IsZero() {
		found += fmt.Sprintf("; retried after %s, or now by netstrip doctor --retry-kvm", choice.Until.Local().Format("2006-01-02 15:04"))
	}
	return check{Name: "accelerator", OK: true, Found: found}
}

// triedAccel lets the rig settle by a boot whether KVM is usable, if it can boot.
func (a *app) triedAccel(ctx context.Context, f *flags) (accel.Choice, error) {
	if err := run.Ready(); err != nil {
		return accel.Choice{}, err
	}
	a.progress = progress.New(a.stderr)
	defer a.progress.Clear()
	runner, err := run.New(ctx, run.Options{Cache: f.cache, Source: f.source(), Progress: a.progress, Accel: accel.Options{Again: f.retryKVM}})
	if err != nil {
		return accel.Choice{}, err
	}
	return runner.Accelerator(ctx, nil)
}

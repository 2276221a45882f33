package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/netstrip/netstrip/vmtests/target"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (a *app) runCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:               "run [PROFILE...]",
		ValidArgsFunction: completeProfiles,
		RunE:              func(c *cobra.Command, args []string) error { return a.run(c.Context(), f, args) },
	}
	f.add(c, "json", "cache", "source", "fragment", "override", "configs", "strict", "kernel", "jobs", "quiet", "results", "accel")
	c.Flags().StringVar(&f.probes, "probes", "", "run only these probes: `GLOBS` of IDs, separated by commas; perf/* run only if named")
	_ = c.RegisterFlagCompletionFunc("probes", completeProbes)
	c.Flags().StringSliceVar(&f.inits, "init", nil, "`INIT` to boot into and to ask how far it gets, or several separated by commas")
	var inits []string
	for _, i := range initramfs.Inits() {
		inits = append(inits, cobra.CompletionWithDesc(i.Name, i.About))
	}
	completeWith(c, "init", inits...)
	f.add(c, "all", "resume")
	return c
}

func (a *app) run(ctx context.Context, f *flags, names []string) error {
	if f.resume && (len(names)+len(f.fragments)+len(f.configs)+len(f.kernels)+len(f.inits) > 0 || f.probes != "") {
		return usage.Errorf("--resume uses the profiles, fragments, inits, probes and files the run began with: name none")
	}
	if err := checkProbes(f.probes, wire.Probes(), f.inits != nil); err != nil {
		return err
	}
	records, err := a.boot(ctx, f, "run", names, nil)
	if err != nil {
		return a.resumed(f, err)
	}
	return a.report(f, records)
}

// resumed distinguishes "could not resume" from later failures.
func (a *app) resumed(f *flags, err error) error {
	switch {
	case errors.Is(err, run.ErrNothingToResume):
		return a.nothingToResume(f, err)
	case errors.Is(err, run.ErrChanged), errors.Is(err, run.ErrOther):
		return usage.Error{Err: err}
	}
	return err
}

// checkProbes refuses a list with a pattern that matches none of the probes that a run can ask.
func checkProbes(patterns string, known []wire.Probe, ofInit bool) error {
	if patterns == "" {
		return nil
	}
	for pattern := range strings.SplitSeq(patterns, ",") {
		_, err := wire.Matches(pattern, "")
		if err == nil && !slices.ContainsFunc(known, func(p wire.Probe) bool {
			ok, _ := wire.Matches(pattern, p.ID)
			return ok && (ofInit || !strings.HasPrefix(p.ID, wire.InitFamily+"/"))
		}) {
			err = errors.New("no such probe; netstrip run --probes <TAB> lists them")
		}
		if err != nil {
			return usage.Errorf("--probes %s: %w", pattern, err)
		}
	}
	return nil
}

// nothingToResume says so, which is no error: whoever resumes wants a run that is whole.
func (a *app) nothingToResume(f *flags, why error) error {
	a.progress.Clear()
	fmt.Fprintf(a.stderr, "netstrip: %v: no interrupted run found (or it is still running)\n", why)
	if f.json {
		return table.JSON(a.stdout, []record.Record{})
	}
	return nil
}

// report shows the records of a run and judges them.
func (a *app) report(f *flags, records []record.Record) error {
	a.progress.Clear()
	var err error
	if f.json {
		err = table.JSON(a.stdout, records)
	} else {
		err = a.showRecords(records, f, true)
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return judge(records)
}

// showRecords writes the table and all that belongs below it. Latest says that the
// records are the newest of their profiles, so that those names mean them.
func (a *app) showRecords(records []record.Record, f *flags, latest bool) error {
	o := tableOptions(a.stdout)
	o.Markdown, o.All = f.markdown, f.all
	if err := report.Table(a.stdout, records, o); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("\n")
	if err := report.Summary(&b, records, o); err != nil {
		return err
	}
	if f.markdown {
		_, err := io.WriteString(a.stdout, b.String())
		return err
	}
	expect.Write(&b, records)
	fmt.Fprintf(&b, "\nresults: %s", f.results)
	if report.Compared(records) && !f.all {
		run := ""
		if !latest {
			run = " " + report.Escape(records[0].Run, 100)
		}
		fmt.Fprintf(&b, "; every probe: %s show%s --all%s", process.Quote(os.Args[0]), run, f.where())
	}
	b.WriteString("\n")
	if r, probe := report.Closer(records); probe != "" && latest {
		// Called as it was called, so that the line can be pasted.
		fmt.Fprintf(&b, "closer:  %s show %s %s%s\n", process.Quote(os.Args[0]), report.Escape(r.Profile, 60), probe, f.where())
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

// boot boots the named profiles and the user's configs and kernels, with the applications if there
// are any, or what is missing of a run. Command is the command that resumes it.
func (a *app) boot(ctx context.Context, f *flags, command string, names []string, with []apps.App) ([]record.Record, error) {
	o, err := a.runOptions(f)
	if err != nil {
		return nil, err
	}
	profiles, err := f.profiles(names)
	if err != nil {
		return nil, err
	}
	if err := a.checkResults(f); err != nil {
		return nil, err
	}
	if with != nil {
		if err := o.UseApps(ctx, with); err != nil {
			return nil, err
		}
	}
	runner, err := run.New(ctx, o)
	if err != nil {
		return nil, err
	}
	a.resume = process.Quote(os.Args[0]) + " " + command + " --resume" + f.where()
	if f.resume {
		return runner.Resume(ctx)
	}
	if err := a.heed(ctx, runner.Builder(), profiles, f.strict); err != nil {
		return nil, err
	}
	return runner.Run(ctx, profiles)
}

// checkResults looks first at what would fail after minutes of building.
func (a *app) checkResults(f *flags) error {
	var err error
	if f.resume {
		err = a.results(f).Check()
	} else {
		err = record.Store{Path: f.results}.Check()
	}
	if err != nil {
		return err
	}
	return run.Ready()
}

// heed prints how the user's files are read, before anything is built from them.
func (a *app) heed(ctx context.Context, b *kbuild.Builder, profiles []kconfigs.Profile, strict bool) error {
	notes, err := target.Notes(ctx, b, profiles, strict)
	a.note(notes)
	return err
}

// note writes notes, each once.
func (a *app) note(notes []string) {
	a.progress.Clear()
	for i, n := range notes {
		if slices.Contains(notes[:i], n) {
			continue
		}
		fmt.Fprintf(a.stderr, "netstrip: note: %s\n", report.Escape(n, 2000))
	}
}

// where is the flag that names the results file, if it need be named.
func (f *flags) where() string {
	if f.results == run.DefaultResults {
		return ""
	}
	return " --results " + process.Quote(f.results)
}

// judge turns records into the exit code.
func judge(records []record.Record) error {
	failed, differ, err := expect.Judge(records)
	switch {
	case err != nil:
		return err
	case len(failed) > 0:
		return fmt.Errorf("infrastructure failure, no result for %s", strings.Join(failed, ", "))
	case len(differ) > 0:
		return differsError{fmt.Errorf("not as expected: %s", strings.Join(differ, ", "))}
	}
	return nil
}

// tableOptions fits a table to the terminal, if w is one.
func tableOptions(w io.Writer) report.TableOptions {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return report.TableOptions{}
	}
	var o report.TableOptions
	o.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		o.Width = width
	}
	return o
}

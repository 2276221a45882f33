package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/interchange"
	"github.com/netstrip/netstrip/vmtests/plan"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/shard"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/netstrip/netstrip/vmtests/target"
	"github.com/spf13/cobra"
)

func (a *app) runCommand() *cobra.Command {
	f := &flags{}
	c := command("run [PROFILE...]", completeProfiles, func(ctx context.Context, names []string) error {
		if (f.resume || f.plan != "") && (len(names)+len(f.Fragments)+len(f.Configs)+len(f.Images)+len(f.inits) > 0 || f.probes != "") || f.resume && f.plan+f.shard != "" {
			if f.resume {
				return usage.Errorf("--resume uses the profiles, fragments, inits, probes and files the run began with: name none")
			}
			return usage.Errorf("--plan uses the profiles, fragments, inits, probes and files of the plan: name none")
		}
		return a.boot(ctx, f, "run", names, func(records []record.Record) error { return a.showRecords(records, f, true) })
	})
	f.add(c, "json", "cache", "source", "fragment", "override", "configs", "strict", "kernel", "jobs", "quiet", "results", "accel", "append", "all", "resume", "formats")
	f.addShard(c)
	c.Flags().StringVar(&f.plan, "plan", "", "boot what `FILE` says, which netstrip plan --json wrote")
	f.boots(c)
	return c
}

// boots adds the flags that say what each kernel is booted for.
func (f *flags) boots(c *cobra.Command) {
	c.Flags().StringVar(&f.probes, "probes", "", "run only these probes: `GLOBS` of IDs, separated by commas; perf/* run only if named")
	complete(c, completeProbes, "probes")
	c.Flags().StringSliceVar(&f.inits, "init", nil, "`INIT` to boot into and to ask how far it gets, or several separated by commas; a path is a program of yours")
	complete(c, cobra.FixedCompletions(described(initramfs.Inits(), func(i initramfs.Init) (string, string) { return i.Name, i.About }), cobra.ShellCompDirectiveDefault), "init") // or a program
}

// boot boots the named profiles and a user's kernels, or the missing boots of a run, writes the
// records, and judges them. command is the one that resumes the run.
func (a *app) boot(ctx context.Context, f *flags, command string, names []string, write func([]record.Record) error) error {
	if err := f.formats.Check(interchange.Others{Results: f.results, JSON: f.json}); err != nil {
		return err
	}
	profiles, of, err := f.For(ctx, f.cache, a.options(f).Source, names...)
	f.arch = of
	if err != nil {
		return err
	}
	o := a.options(f)
	o.OnShard = a.say
	if o.Shard, err = shard.Parse(f.shard, os.Getenv); err != nil {
		return err
	}
	if command == "apps" {
		if err := o.UseApps(ctx, f.dir, f.apps...); err != nil {
			return err
		}
	}
	if f.program != nil {
		if err := f.program.Prepare(ctx, &o, len(profiles)); err != nil {
			return err
		}
	}
	check := o.Ready
	if f.resume {
		check = func() error { return cmp.Or(a.results(f).Check(), o.TakeUp()) }
	}
	if err := check(); err != nil {
		return err
	}
	runner, err := run.New(ctx, o)
	if err != nil {
		return err
	}
	if f.program == nil {
		a.resume = process.Quote(os.Args[0]) + " " + command + " --resume" + f.where() + (&flags{cache: f.cache}).sourceFlags()
	}
	var records []record.Record
	if f.plan != "" {
		records, err = plan.Follow(ctx, f.plan, o)
	} else if f.resume {
		records, err = runner.Resume(ctx)
	} else if err = a.heed(ctx, runner.Builder(), profiles, f.strict); err == nil {
		records, err = runner.Run(ctx, profiles)
	}
	if errors.Is(err, run.ErrNothingToResume) && f.json {
		return cmp.Or(table.JSON(a.stdout, []record.Record{}), err)
	}
	if err != nil {
		return err
	}
	a.progress.Clear()
	if !f.formats.Standard() {
		err = write(records)
	}
	if err = errors.Join(err, f.formats.Write(a.stdout, records)); err != nil {
		return fmt.Errorf("%w; the boots are recorded, and netstrip report writes them", err)
	}
	return expect.Judge(records)
}

// showRecords writes the table and all that belongs below it. Latest says that the
// records are the newest of their profiles, so that those names mean them.
func (a *app) showRecords(records []record.Record, f *flags, latest bool) error {
	if f.json {
		return expect.JSON(a.stdout, records, records, "")
	}
	o := report.TableOptions{Format: table.Terminal(a.stdout), All: f.all, Usual: source.Usual()}
	o.Markdown = f.markdown != ""
	if err := expect.Report(a.stdout, records, o); err != nil || o.Markdown || len(records) == 0 {
		return err
	}
	// The command is shown as it was called, so that the line can be pasted.
	further := report.Further{Results: f.results, Show: process.Quote(os.Args[0]) + " show", Where: f.where(), Latest: latest}
	_, err := fmt.Fprintln(a.stdout, "\n"+further.Lines(records, o))
	return err
}

// heed reports how Kconfig reads the user's files, before anything is built from them.
func (a *app) heed(ctx context.Context, b *kbuild.Builder, profiles []kconfigs.Profile, strict bool) error {
	notes, err := target.Notes(ctx, b, profiles, strict)
	a.note(notes)
	return err
}

// say writes a line to standard error.
func (a *app) say(line string) {
	a.progress.Clear()
	fmt.Fprintf(a.stderr, "netstrip: %s\n", report.Escape(line, 4000))
}

// note writes notes, each once.
func (a *app) note(notes []string) {
	a.progress.Clear()
	for i, n := range notes {
		if !slices.Contains(notes[:i], n) {
			fmt.Fprintf(a.stderr, "netstrip: note: %s\n", report.Escape(n, 2000))
		}
	}
}

// where is the flag that names the results file, if it need be named.
func (f *flags) where() string {
	if f.results == run.DefaultResults {
		return ""
	}
	return " --results " + process.Quote(f.results)
}

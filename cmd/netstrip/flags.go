package main

import (
	"cmp"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/interchange"
	"github.com/netstrip/netstrip/vmtests/job"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/netstrip/netstrip/vmtests/target"
)

// flags are the values of a command's flags; each command has those it needs.
type flags struct {
	json, quiet, all, redact bool
	markdown                 string
	formats                  interchange.Files
	results, cache           string
	sourcePath               string
	sourceURL, sourceHash    string
	series, arch             string
	inits, apps              []string
	dir, accel, probes       string
	extra                    string
	jobs                     int
	shard, plan              string
	resume, strict           bool
	several                  bool // --series and --arch may be lists
	config                   target.Config
	program                  *job.Options // to run instead of the probes
	target.Kernels
}

// format is how tables are written.
func (f *flags) format() table.Format { return table.Format{JSON: f.json, Markdown: f.markdown != ""} }

// add adds flags that several commands have, by their names; source stands for all that name
// a kernel source.
func (f *flags) add(c *cobra.Command, names ...string) {
	flag := c.Flags()
	for _, name := range names {
		switch name {
		case "json":
			flag.BoolVar(&f.json, name, false, "write JSON to standard output")
		case "markdown":
			flag.StringVar(&f.markdown, name, "", "write tables as Markdown, with every line, to `FILE`; - means standard output")
		case "formats":
			for _, one := range f.formats.Formats() {
				flag.StringVar(one.File, one.Name, "", one.Usage)
			}
		case "quiet":
			flag.BoolVar(&f.quiet, name, false, "show no progress")
		case "results":
			flag.StringVar(&f.results, name, run.DefaultResults, "results `FILE`; every boot adds a line")
		case "all":
			flag.BoolVar(&f.all, name, false, "show every probe, even if all kernels answer alike")
		case "cache":
			flag.StringVar(&f.cache, name, "", "cache `DIR` (default $NETSTRIP_CACHE, or netstrip in the user's cache)")
		case "source":
			f.addSource(c)
		case "fragment":
			flag.StringArrayVar(&f.Fragments, name, nil, "`FILE` of Kconfig lines to add to each kernel; repeatable")
		case "override":
			flag.BoolVar(&f.Override, name, false, "let fragments override the profile, except for what the guest needs")
		case "strict":
			flag.BoolVar(&f.strict, name, false, "reject a .config with lines that Kconfig does not satisfy, and list them all")
		case "configs":
			flag.StringArrayVar(&f.Configs, "config", nil, "`FILE` that is a whole .config, as an additional profile; repeatable")
		case "kernel":
			flag.StringArrayVar(&f.Images, name, nil, "`FILE` that is a kernel, as an additional profile; repeatable")
			flag.StringVar(&f.Modules, "modules", "", "`DIR` of the modules of --kernel, such as /lib/modules/6.12.1")
		case "jobs":
			flag.IntVar(&f.jobs, name, 0, "run up to `N` compilers or guests in parallel (default: one per processor)")
		case "append":
			flag.StringVar(&f.extra, name, "", "`ARGS` to add to the kernel's command line")
			complete(c, cobra.NoFileCompletions, name)
		case "accel":
			flag.StringVar(&f.accel, name, "", "`WHICH`: auto, kvm or tcg; auto tries a boot under KVM (default $NETSTRIP_ACCEL, or auto)")
			complete(c, words("auto", accel.KVM, accel.TCG), name)
		case "resume":
			flag.BoolVar(&f.resume, name, false, "continue the latest interrupted run in the results file")
		case "config": // of a command that builds nothing
			flag.StringVar(&f.config.Profile, "profile", "", "`PROFILE` whose config to use")
			flag.StringVar(&f.config.File, name, "", "`FILE` that is a whole .config, instead of a profile")
			complete(c, completeProfiles, "profile")
		default:
			panic("no such flag: " + name) // a test makes every command
		}
	}
}

// addSource adds the flags that name a kernel source.
func (f *flags) addSource(c *cobra.Command) {
	flag := c.Flags()
	flag.StringVar(&f.sourcePath, "source", "", "kernel source: `PATH` of a tree or tarball, or REPOSITORY@REVISION (default $NETSTRIP_SOURCE, or Debian's linux-source package)")
	flag.StringVar(&f.series, "series", "", "kernel `SERIES`: any that is installed, or that Debian or kernel.org has (default $NETSTRIP_SERIES, or "+source.Usual()+")")
	complete(c, f.oneOrMore(source.InOrder(append(expect.Series(), source.Known()...))...), "series")
	flag.StringVar(&f.arch, "arch", "", "`ARCH` of the kernels: "+strings.Join(arch.Names(), ", ")+" (default $"+arch.Env+", or that of this machine)")
	complete(c, f.oneOrMore(arch.Names()...), "arch")
	flag.StringVar(&f.sourceURL, "source-url", "", "kernel source: `URL` of a tarball to download")
	flag.StringVar(&f.sourceHash, "source-sha256", "", "`HASH` of the download")
	c.PreRunE = f.checkSource
}

// checkSource checks the flags that all commands with a kernel source have.
func (f *flags) checkSource(c *cobra.Command, _ []string) error {
	if f.several {
		return nil // package explanation splits the lists
	}
	if c.Flags().Lookup("accel") == nil { // doctor itself reports a wrong NETSTRIP_ACCEL
		return f.source().Check()
	}
	return f.runOptions().Check()
}

// addShard adds the flag for a part of the boots.
func (f *flags) addShard(c *cobra.Command) {
	c.Flags().StringVar(&f.shard, "shard", "", "boot only shard `I/N`, or auto: the one that the batch system or CI names (see netstrip plan)")
	complete(c, words("auto"), "shard")
}

// complete completes the values of flags.
func complete(c *cobra.Command, with cobra.CompletionFunc, names ...string) {
	for _, name := range names {
		_ = c.RegisterFlagCompletionFunc(name, with) // fails only if there is no such flag
	}
}

// words completes with one of some words.
func words(all ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp)
}

// oneOrMore completes one of several words, or a list of them with commas.
func (f *flags) oneOrMore(all ...string) cobra.CompletionFunc {
	if f.several {
		return list(func() []string { return all })
	}
	return words(all...)
}

// first completes the first argument only.
func first(with cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return with(c, args, begin)
	}
}

// list completes the last name of a list separated by commas.
func list(names func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begin string) (lists []string, _ cobra.ShellCompDirective) {
		done := begin[:strings.LastIndex(begin, ",")+1]
		for _, n := range names() {
			if strings.HasPrefix(n, begin[len(done):]) && !strings.Contains(","+done, ","+n+",") {
				lists = append(lists, done+n)
			}
		}
		return lists, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// sourceFlags are those that name the same cache and source to another command.
func (f *flags) sourceFlags() string {
	text := ""
	for _, flag := range [][2]string{{"cache", f.cache}, {"series", f.series}, {"arch", f.arch}, {"source", f.sourcePath}} {
		if flag[1] != "" {
			text += " --" + flag[0] + " " + process.Quote(flag[1])
		}
	}
	return text
}

// source returns where the kernel source is to come from.
func (f *flags) source() source.Options {
	o := source.Options{Path: f.sourcePath, URL: f.sourceURL, SHA256: f.sourceHash, Series: f.series}
	if o == (source.Options{}) {
		o.Path = os.Getenv("NETSTRIP_SOURCE")
	}
	o.Series, o.Arch = cmp.Or(f.series, os.Getenv("NETSTRIP_SERIES")), f.arch
	return o
}

func (f *flags) runOptions() run.Options {
	return run.Options{
		Cache: f.cache, Source: f.source(), Results: f.results, Probes: f.probes, Accel: accel.Options{Want: f.accel}, Jobs: f.jobs, Inits: f.inits, Append: f.extra,
	}
}

// options returns the options of a run, and sets up the progress.
func (a *app) options(f *flags) run.Options {
	if !f.quiet {
		a.progress = progress.New(a.stderr)
	}
	o := f.runOptions()
	o.Progress, o.Source.Progress = a.progress, a.progress
	return o
}

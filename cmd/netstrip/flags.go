package main

import (
	"cmp"
	"errors"
	"os"
	"regexp"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/netstrip/netstrip/vmtests/target"
	"github.com/spf13/cobra"
)

// sourceEnv names the variable that stands in for --source.
const sourceEnv = "NETSTRIP_SOURCE"

// seriesEnv names the variable that stands in for --series.
const seriesEnv = "NETSTRIP_SERIES"

// flags are the values of a command's flags; each command has those it needs.
type flags struct {
	json, quiet, markdown, all bool
	redact                     bool
	results, cache             string
	sourcePath                 string
	sourceURL, sourceHash      string
	series                     string
	fragments                  []string
	configs, kernels           []string
	inits                      []string
	modules                    string
	accel                      string
	jobs                       int
	resume                     bool
	strict, override           bool
	probes                     string
	config                     target.Config
}

// format is how tables are written.
func (f *flags) format() table.Format { return table.Format{JSON: f.json, Markdown: f.markdown} }

// add adds flags that several commands have, by their names; source stands for all that name
// a kernel source.
func (f *flags) add(c *cobra.Command, names ...string) {
	flag := c.Flags()
	for _, name := range names {
		switch name {
		case "json":
			flag.BoolVar(&f.json, name, false, "write JSON to standard output")
		case "markdown":
			flag.BoolVar(&f.markdown, name, false, "write tables as Markdown, with every line")
		case "quiet":
			flag.BoolVar(&f.quiet, name, false, "show no progress")
		case "results":
			flag.StringVar(&f.results, name, run.DefaultResults, "results `FILE`; every boot adds a line")
		case "all":
			flag.BoolVar(&f.all, name, false, "show every probe, even if all kernels answer alike")
		case "cache":
			flag.StringVar(&f.cache, name, "", "cache `DIR` (default $NETSTRIP_CACHE, or netstrip in the user's cache)")
		case "source":
			flag.StringVar(&f.sourcePath, name, "", "kernel source: `PATH` of a tree or tarball (default $NETSTRIP_SOURCE, or Debian's linux-source package)")
			flag.StringVar(&f.series, "series", "", "kernel `SERIES`, 6.12 or 6.1 (default $NETSTRIP_SERIES, or "+kbuild.UsualSeries+")")
			completeWith(c, "series", "6.12", "6.1")
			flag.StringVar(&f.sourceURL, "source-url", "", "kernel source: `URL` of a tarball to download")
			flag.StringVar(&f.sourceHash, "source-sha256", "", "`HASH` of the download")
		case "fragment":
			flag.StringArrayVar(&f.fragments, name, nil, "`FILE` of Kconfig lines to add to each kernel; repeatable")
		case "override":
			flag.BoolVar(&f.override, name, false, "let fragments override the profile, except for what the guest needs")
		case "strict":
			flag.BoolVar(&f.strict, name, false, "reject a .config with lines that Kconfig does not satisfy, and list them all")
		case "configs":
			flag.StringArrayVar(&f.configs, "config", nil, "`FILE` that is a whole .config, as an additional profile; repeatable")
		case "kernel":
			flag.StringArrayVar(&f.kernels, name, nil, "`FILE` that is a kernel, as an additional profile; repeatable")
			flag.StringVar(&f.modules, "modules", "", "`DIR` of the modules of --kernel, such as /lib/modules/6.12.1")
		case "jobs":
			flag.IntVar(&f.jobs, name, 0, "run up to `N` compilers or guests in parallel (default: one per processor)")
		case "accel":
			flag.StringVar(&f.accel, name, "", "`WHICH`: auto, kvm or tcg; auto tries a boot under KVM (default $NETSTRIP_ACCEL, or auto)")
			completeWith(c, name, "auto", accel.KVM, accel.TCG)
		case "resume":
			flag.BoolVar(&f.resume, name, false, "continue the latest interrupted run in the results file")
		case "config": // of a command that builds nothing
			flag.StringVar(&f.config.Profile, "profile", "", "`PROFILE` whose config to use")
			flag.StringVar(&f.config.File, name, "", "`FILE` that is a whole .config, instead of a profile")
			_ = c.RegisterFlagCompletionFunc("profile", completeProfiles)
		default:
			panic("no such flag: " + name) // a test makes every command
		}
	}
}

// completeWith completes a flag with one of some words.
func completeWith(c *cobra.Command, name string, words ...string) {
	// The name of the flag is right, which is all that is checked.
	_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// checkSeries refuses what is no kernel series, wherever it was given, before it becomes part
// of a path.
func checkSeries(c *cobra.Command) error {
	f := c.Flags().Lookup("series")
	if f == nil {
		return nil
	}
	name, series := "--series", f.Value.String()
	if series == "" {
		name, series = seriesEnv, os.Getenv(seriesEnv)
	}
	if series != "" && !regexp.MustCompile(`^[0-9]+\.[0-9]+$`).MatchString(series) {
		return usage.Errorf("%s %q: want a kernel series, such as %s", name, series, kbuild.UsualSeries)
	}
	return nil
}

// sourceFlags are those that name the same cache and source to another command.
func (f *flags) sourceFlags() string {
	text := ""
	for _, flag := range [][2]string{{"cache", f.cache}, {"series", f.series}, {"source", f.sourcePath}} {
		if flag[1] != "" {
			text += " --" + flag[0] + " " + process.Quote(flag[1])
		}
	}
	return text
}

// configRequest returns the request of the config named.
func (f *flags) configRequest() (kconfigs.Request, error) {
	f.config.Fragments, f.config.Override = f.fragments, f.override
	return f.config.Request()
}

// source returns where the kernel source is to come from.
func (f *flags) source() kbuild.SourceOptions {
	o := kbuild.SourceOptions{Path: f.sourcePath, URL: f.sourceURL, SHA256: f.sourceHash}
	if o == (kbuild.SourceOptions{}) && f.series == "" {
		o.Path = os.Getenv(sourceEnv)
	}
	o.Series = cmp.Or(f.series, os.Getenv(seriesEnv))
	return o
}

// runOptions checks what can be checked and sets up the progress.
func (a *app) runOptions(f *flags) (run.Options, error) {
	if f.jobs < 0 {
		return run.Options{}, usage.Errorf("--jobs %d: want a number from 1, or 0 for one for each processor", f.jobs)
	}
	if (f.sourceURL == "") != (f.sourceHash == "") {
		return run.Options{}, usage.Errorf("--source-url and --source-sha256 go together: give both")
	}
	if f.sourceURL != "" && f.sourcePath != "" {
		return run.Options{}, usage.Errorf("--source and --source-url exclude each other")
	}
	switch want := cmp.Or(f.accel, os.Getenv(accel.Env), "auto"); want {
	case "auto", accel.KVM, accel.TCG:
	default:
		return run.Options{}, usage.Errorf("accelerator %q: want auto, kvm or tcg", want)
	}
	for _, name := range f.inits {
		if _, err := initramfs.LookupInit(name); err != nil {
			return run.Options{}, usage.Error{Err: err}
		}
	}
	if !f.quiet {
		a.progress = progress.New(a.stderr)
	}
	return run.Options{
		Cache: f.cache, Source: f.source(), Results: f.results, Probes: f.probes,
		Accel: accel.Options{Want: f.accel}, Jobs: f.jobs, Inits: f.inits, Progress: a.progress,
	}, nil
}

// profiles returns the named profiles and those of the user's configs and kernels, or the ladder if
// there are none, each with the user's fragments. The error has all mistakes in names and files.
func (f *flags) profiles(names []string) ([]kconfigs.Profile, error) {
	if f.modules != "" && len(f.kernels) != 1 {
		return nil, usage.Errorf("--modules goes with one --kernel")
	}
	var wrong []error
	var profiles []kconfigs.Profile
	for _, n := range names {
		p, err := kconfigs.Lookup(n)
		profiles, wrong = append(profiles, p), append(wrong, err)
	}
	for _, file := range f.configs {
		p, err := kconfigs.ReadConfig(file)
		profiles, wrong = append(profiles, p), append(wrong, err)
	}
	for _, file := range f.kernels {
		profiles = append(profiles, kconfigs.UserKernel(file, f.modules))
	}
	if len(profiles) == 0 {
		profiles = kconfigs.Ladder()
	}
	var added []kconfigs.Fragment
	for _, path := range f.fragments {
		frag, err := kconfigs.ReadFragment(path)
		added, wrong = append(added, frag), append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	for i, p := range profiles {
		profiles[i] = p.With(added...)
		profiles[i].Override = f.override
		_, err := profiles[i].Request()
		wrong = append(wrong, err)
	}
	return profiles, errors.Join(wrong...)
}

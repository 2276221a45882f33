package run

import (
	"cmp"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
)

// origin returns what a plan says about the kernels of all its boots.
func origin(o source.Options, a arch.Arch) ref.Origin {
	return ref.Origin{Arch: a.Name, Series: o.Series, Source: o.Path, URL: o.URL, SHA256: o.SHA256}
}

// TakeUp sets the source and the architecture to those of the run that Runner.Resume would continue,
// except for what the options name themselves. It returns an error if they name another series or
// architecture, or if a program that a boot needs is not installed.
func (o *Options) TakeUp() error {
	run, ok, err := (record.Store{Path: cmp.Or(o.Results, DefaultResults)}).Resume()
	if err != nil {
		return err
	}
	if !ok {
		return Ready(o.Source.Arch) // Runner.Resume returns ErrNothingToResume
	}
	defer run.Close()
	from := run.Plan.Origin
	if from == nil { // of an older netstrip
		return Ready(o.Source.Arch)
	}
	if o.Source.Arch != "" {
		if a, err := arch.Parse(o.Source.Arch); err == nil && a.Name != from.Arch {
			return usage.Errorf("resuming %s: its kernels are for %s: omit --arch %s", run.Plan.Run, from.Arch, o.Source.Arch)
		}
	}
	if o.Source.Series != "" && from.Series != "" && o.Source.Series != from.Series {
		return usage.Errorf("resuming %s: its kernels are of series %s: omit --series and NETSTRIP_SERIES, which name %s",
			run.Plan.Run, from.Series, o.Source.Series)
	}
	o.Source.Arch = from.Arch
	o.Source.Series = cmp.Or(o.Source.Series, from.Series)
	if o.Source.Path+o.Source.URL == "" {
		o.Source.Path, o.Source.URL, o.Source.SHA256 = from.Source, from.URL, from.SHA256
	}
	return Ready(from.Arch)
}

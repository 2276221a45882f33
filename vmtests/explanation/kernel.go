package explanation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// Kernel is one of several kernels to ask.
type Kernel struct {
	// Name is what differs from the other kernels, such as 6.1 or 6.1-arm64.
	Name string `json:"kernel"`
	// Series is empty if the source is not of a known series.
	Series string `json:"series"`
	Arch   string `json:"arch"`
	// Error is why the kernel has no answers.
	Error string `json:"error,omitempty"`

	// open returns its builder.
	open func(context.Context) (*kbuild.Builder, error)
}

// kernels returns the combinations of the series and architectures to ask.
func (o Options) kernels() (all []Kernel, err error) {
	series, arches := strings.Split(o.Source.Series, ","), strings.Split(o.Source.Arch, ",")
	if len(series) > 1 && o.Source.Path+o.Source.URL != "" {
		return nil, usage.Errorf("--series %s: --source and --source-url name one kernel source, and not one for each series", o.Source.Series)
	}
	for _, list := range [][]string{series, arches} {
		for i, name := range list {
			if len(list) > 1 && (name == "" || slices.Contains(list[:i], name)) {
				return nil, usage.Errorf("%s: want different names with commas between them", strings.Join(list, ","))
			}
		}
	}
	for _, s := range series {
		for _, name := range arches {
			from := o.Source
			from.Series, from.Arch = s, name
			if err := from.Check(); err != nil {
				return nil, err
			}
			a, err := arch.Parse(name)
			if err != nil {
				return nil, err
			}
			k := Kernel{Name: ref.Variant(s, a.Name), Series: s, Arch: a.Name, open: func(ctx context.Context) (*kbuild.Builder, error) {
				return kbuild.Open(ctx, o.Cache, from)
			}}
			if len(series) == 1 {
				k.Name = a.Name
			} else if len(arches) == 1 {
				k.Name = s
			}
			all = append(all, k)
		}
	}
	return all, nil
}

// failed says why the kernel has no answers, and returns that as an error.
func (k *Kernel) failed(why error) error {
	k.Error = strings.ReplaceAll(why.Error(), "\n", "; ")
	return fmt.Errorf("asking %s: %w", k.Name, why)
}

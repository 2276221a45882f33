package kbuild

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// Listed is a profile, and whether its kernel is built.
type Listed struct {
	Name       string `json:"name"`
	Hypothesis string `json:"hypothesis"`
	// Start is the config that the fragments are added to: allnoconfig, tinyconfig or defconfig;
	// or prebuilt for a kernel that was compiled elsewhere.
	Start     string   `json:"start"`
	Fragments []string `json:"fragments"`
	// Args are added to the kernel's command line.
	Args []string `json:"args"`
	// Built says whether its kernel is in the cache; null if that is unknown
	// without a source or a compiler.
	Built *bool `json:"built"`
}

// Cells returns the row of a profile in a table: its name, whether it is built, its hypothesis.
func (l Listed) Cells() []string {
	built := "?"
	if l.Built != nil {
		built = map[bool]string{true: "yes", false: "no"}[*l.Built]
	}
	return []string{l.Name, built, l.Hypothesis}
}

// Origin returns the cells that say what a profile is made from.
func (l Listed) Origin() []string {
	return []string{l.Name, l.Start, cmp.Or(strings.Join(slices.Concat(l.Fragments, l.Args), " "), "-")}
}

// Built is the kernel of a profile.
type Built struct {
	Profile string `json:"profile"`
	Image   string `json:"image"`
	Config  string `json:"config"`
	Cached  bool   `json:"cached"`
	*Kernel
}

// Cells returns the row of a kernel in a table: its profile, version and size, how it was built,
// and its file.
func (b Built) Cells() []string {
	how := fmt.Sprintf("%d objects, %.0f CPU s, in %.0f s", b.Objects, b.CPUSeconds, b.WallSeconds)
	if b.CacheHits > 0 {
		how += fmt.Sprintf(", %d from ccache", b.CacheHits)
	}
	if b.Cached {
		how = "before"
	}
	return []string{b.Profile, cmp.Or(b.Version, "?"), fmt.Sprintf("%.2f MiB", float64(b.ImageBytes)/(1<<20)), how, b.Image}
}

// Profiles lists all profiles. It ignores errors of the cache in dir and of the source, which a
// build reports, and so works even if nothing is installed.
func Profiles(ctx context.Context, dir string, o source.Options) (list []Listed) {
	b, opened := Open(ctx, dir, o)
	for _, p := range kconfigs.Profiles() {
		list = append(list, Listed{p.Name, p.Hypothesis, startOf(p), slices.Concat([]string{}, p.Fragments), slices.Concat([]string{}, p.Args), nil})
		req, err := p.Request()
		if opened != nil || err != nil || b.Source.ID == "" {
			continue
		}
		if _, built, err := b.Cached(ctx, req); err == nil {
			list[len(list)-1].Built = &built
		}
	}
	return list
}

func startOf(p kconfigs.Profile) string {
	if p.Prebuilt != nil {
		return "prebuilt"
	}
	return cmp.Or(p.Start.Name, "allnoconfig")
}

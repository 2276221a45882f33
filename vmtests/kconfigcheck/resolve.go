package kconfigcheck

import (
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/rename"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/kconfigs/usage"
)

// isSymbol matches the name of a symbol, with or without a value, unlike a symptom.
var isSymbol = regexp.MustCompile(`^\w+(=.*)?$`)

// Resolve replaces each argument that is not a symbol by the symbols behind it. expected returns
// the findings expected of a profile on a kernel series.
func Resolve(args []string, expected func(series, profile string) ([]wire.Finding, error)) (names []string, found []Symptom, err error) {
	var kernels []Kernel
	for _, arg := range args {
		if isSymbol.MatchString(arg) && !Constant(arg) {
			names = append(names, arg)
			continue
		}
		if kernels == nil {
			kernels = fragmentKernels(expected)
		}
		s, ok := Behind(arg, kernels)
		if !ok {
			return nil, nil, usage.Errorf("%q: unknown symbol, probe, path or failed call%s", arg, nearest(arg))
		}
		found = append(found, s)
		for _, name := range s.Symbols {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, found, nil
}

// fragmentKernels returns the kernels of the usual series whose symbols are all decided by fragments,
// with their expected findings.
func fragmentKernels(expected func(series, profile string) ([]wire.Finding, error)) (all []Kernel) {
	for _, p := range kconfigs.Profiles() {
		req, err := p.Request()
		if err != nil || p.Prebuilt != nil || p.Start.Name != "" || len(p.Args) > 0 {
			continue
		}
		findings, err := expected(source.Usual(), p.Name)
		if err != nil {
			continue // it has no expectation
		}
		on := map[string]bool{}
		for _, s := range req.Settings {
			on[s.Symbol] = s.Value != "n"
		}
		all = append(all, Kernel{Findings: findings, On: func(symbol string) bool { return on[symbol] }})
	}
	return all
}

// nearest suggests a probe with a similar ID, if there is one.
func nearest(arg string) string {
	var ids []string
	for _, p := range wire.Probes() {
		if strings.Count(p.ID, "/") == strings.Count(arg, "/") {
			ids = append(ids, p.ID)
		}
	}
	return rename.Near(arg, ids)
}

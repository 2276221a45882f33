package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/rename"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
)

// isSymbol tells the name of a symbol, with a value perhaps, from a symptom.
var isSymbol = regexp.MustCompile(`^\w+(=.*)?$`)

// symptoms replaces each argument that is no symbol by those that stand behind it.
func symptoms(args []string) (names []string, found []kconfigcheck.Symptom, err error) {
	var kernels []kconfigcheck.Kernel
	for _, arg := range args {
		if isSymbol.MatchString(arg) && !kconfigcheck.Constant(arg) {
			names = append(names, arg)
			continue
		}
		if kernels == nil {
			kernels = fragmentKernels()
		}
		s, ok := kconfigcheck.Behind(arg, kernels)
		if !ok {
			return nil, nil, usagef("%q: unknown symbol, probe, path or failed call%s", arg, nearest(arg))
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

// fragmentKernels are the kernels whose every symbol the fragments decide, and what their
// probes are expected to find.
func fragmentKernels() (all []kconfigcheck.Kernel) {
	for _, p := range kconfigs.Profiles() {
		req, err := p.Request()
		if err != nil || p.Prebuilt != nil || p.Start.Name != "" || len(p.Args) > 0 {
			continue
		}
		findings, err := expect.Expected("6.12", p.Name)
		if err != nil {
			continue // nothing is expected of it
		}
		on := map[string]bool{}
		for _, s := range req.Settings {
			on[s.Symbol] = s.Value != "n"
		}
		all = append(all, kconfigcheck.Kernel{Findings: findings, On: func(symbol string) bool { return on[symbol] }})
	}
	return all
}

// nearest returns a probe whose ID was meant, if one is near.
func nearest(arg string) string {
	var ids []string
	for _, p := range wire.Probes() {
		if strings.Count(p.ID, "/") == strings.Count(arg, "/") {
			ids = append(ids, p.ID)
		}
	}
	return rename.Near(arg, ids)
}

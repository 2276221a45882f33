package kconfigcheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
)

// Doubt returns the findings, inconclusive where a feature may be absent only because a module is
// not loaded; their details then name the symbols that are m. A finding that needs a symbol that
// is off stays absent. value returns a symbol's value in the kernel's .config; inGuest reports
// whether the guest has the kernel's modules.
func Doubt(findings []wire.Finding, value func(symbol string) string, inGuest bool) []wire.Finding {
	out := slices.Clone(findings)
	for i, f := range out {
		symbols := Of(f.ID)
		off := func(s string) bool { return value(s) == "n" }
		if f.Verdict != wire.Absent || slices.ContainsFunc(symbols, off) {
			continue
		}
		var modules []string
		for _, s := range symbols {
			if value(s) == "m" {
				modules = append(modules, s)
			}
		}
		if modules == nil {
			continue
		}
		out[i].Verdict = wire.Inconclusive
		out[i].Detail = strings.TrimSuffix(reason(modules, inGuest)+": "+f.Detail, ": ")
	}
	return out
}

func reason(modules []string, inGuest bool) string {
	is, its, module := "is", "its", "module"
	if len(modules) > 1 {
		is, its, module = "are", "their", "modules"
	}
	text := fmt.Sprintf("%s %s m and %s %s ", strings.Join(modules, ", "), is, its, module)
	if inGuest {
		return text + "may not have been loaded (see modprobe's messages in the console log)"
	}
	return text + is + " not in the guest"
}

package kconfigcheck

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
)

//go:embed modules.txt
var moduleTable string

// ModuleOf returns the name of a symbol's module, "" for a symbol of the catalogue that cannot be
// m.
func ModuleOf(symbol string) string {
	for line := range strings.Lines(moduleTable) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == symbol {
			return f[1]
		}
	}
	return ""
}

// Modules is what the host knows about the modules of a kernel.
type Modules struct {
	// Value returns a symbol's value in the kernel's .config; nil if that is unknown.
	Value func(symbol string) string
	// InGuest are the names of the modules in the guest; nil if it has none of the kernel's.
	InGuest map[string]bool
	// Refuses says why the kernel loads no module on demand; empty if it does.
	Refuses string
}

// Judge returns the findings with the states of the symbols that each needs. A finding is
// inconclusive where a feature may be absent only because a module is not loaded; its detail then
// says why it is not. A finding that needs a symbol that is off stays absent. Hello is nil if the
// guest did not get that far. Without modules, Judge returns the findings as they are.
func (m Modules) Judge(findings []wire.Finding, hello *wire.Hello) []wire.Finding {
	if m.Value != nil && m.Value("MODULES") != "y" || m.Value == nil && (hello == nil || !hello.LoadsModules) {
		return findings
	}
	g := guestModules{m, map[string]bool{}, map[string]string{}}
	if hello != nil {
		g.add(hello.Modules)
	}
	out := slices.Clone(findings)
	for i := range out {
		g.add(out[i].Modules)
		g.judge(&out[i])
	}
	return out
}

// guestModules adds what the guest has said so far.
type guestModules struct {
	Modules
	loaded map[string]bool
	failed map[string]string
}

func (g guestModules) add(news map[string]string) {
	for name, why := range news {
		if why == "" {
			g.loaded[name] = true
		} else {
			g.failed[name] = why
		}
	}
}

func (g guestModules) judge(f *wire.Finding) {
	var said []string
	off := false
	f.Symbols = nil // the guest does not know them
	for _, name := range Of(f.ID) {
		s, ok := g.symbol(name, f.Verdict)
		if !ok {
			continue
		}
		f.Symbols = append(f.Symbols, s)
		off = off || s.Value == "n"
		if s.Why != "" {
			said = append(said, s.String())
		}
	}
	if f.Verdict == wire.Absent && !off && said != nil {
		f.Verdict = wire.Inconclusive
		f.Detail = strings.TrimSuffix(strings.Join(said, "; ")+"; "+f.Detail, "; ")
	}
}

// symbol returns the state of a symbol that a probe with a verdict needs; ok is false if it is
// unknown and does not matter.
func (g guestModules) symbol(name string, verdict wire.Verdict) (s wire.Symbol, ok bool) {
	s.Name = name
	module := ModuleOf(name)
	switch {
	case g.Value != nil:
		s.Value = g.Value(name)
	case g.loaded[module] || g.InGuest[module]:
		s.Value = "m"
	case g.InGuest == nil && module != "" && verdict == wire.Absent:
		s.Module, s.Why = module, "the kernel's .config is unknown, and the guest has none of its modules"
		return s, true
	default:
		return s, false
	}
	if s.Value == "m" {
		s.Module, s.Loaded = module, g.loaded[module]
		if !s.Loaded {
			s.Why = g.why(module)
		}
	}
	return s, true
}

// why says why a module is not loaded.
func (g guestModules) why(module string) string {
	const most = 300
	failed := g.failed[module]
	switch {
	case failed != "":
		return failed[:min(len(failed), most)]
	case g.InGuest == nil:
		return "the guest has none of the kernel's modules"
	case !g.InGuest[module]:
		return "the guest does not have it"
	case g.Refuses != "":
		return g.Refuses
	}
	return "the kernel did not ask for it"
}

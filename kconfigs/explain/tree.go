// Package explain says why a kernel symbol has its value, what it takes to change that,
// and what else is lost when the symbol is off. It runs on the host and is pure: it reads
// symbols and values from package kconf and starts nothing.
//
// Answers about values hold for one .config: which part of a symbol's dependencies is
// unmet, what selects it. A Closure holds for every .config: it lists what none can have
// without the symbol. A Check compares a Closure with the kernel's own Kconfig code.
package explain

import (
	"fmt"
	"slices"

	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Tree is the symbols of a kernel for one architecture.
type Tree struct {
	arch      string
	names     []string // in the order of the Kconfig files
	symbols   map[string]*kconf.Symbol
	selectors map[string][]selector
	implies   map[string][]selector
	members   map[string][]string // of a choice, by its name
}

// selector is a select or imply line under the symbol name.
type selector struct {
	name string
	prop kconf.Property
}

// NewTree returns the tree of the symbols that the Kconfig files define for an architecture,
// which answers call arch.
func NewTree(symbols []kconf.Symbol, arch string) *Tree {
	t := &Tree{
		arch: arch, symbols: map[string]*kconf.Symbol{}, selectors: map[string][]selector{},
		implies: map[string][]selector{}, members: map[string][]string{},
	}
	for i := range symbols {
		s := &symbols[i]
		t.symbols[s.Name] = s
		t.names = append(t.names, s.Name)
		if s.Choice != "" {
			t.members[s.Choice] = append(t.members[s.Choice], s.Name)
		}
		for _, p := range s.Properties {
			switch p.Kind {
			case "select":
				t.selectors[p.Value.Name] = append(t.selectors[p.Value.Name], selector{s.Name, p})
			case "imply":
				t.implies[p.Value.Name] = append(t.implies[p.Value.Name], selector{s.Name, p})
			}
		}
	}
	return t
}

// Names returns the sorted names, without CONFIG_, of all symbols except choices.
func (t *Tree) Names() []string {
	names := slices.DeleteFunc(slices.Clone(t.names), isChoice)
	slices.Sort(names)
	return names
}

// Has reports whether the kernel defines the symbol.
func (t *Tree) Has(name string) bool { return t.symbols[name] != nil }

func isChoice(name string) bool { return len(name) > 7 && name[:7] == "choice " }

func isBool(s *kconf.Symbol) bool { return s.Type == "bool" || s.Type == "tristate" }

func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }

func at(p kconf.Property) string { return place(p.File, p.Line) }

// of returns a symbol's properties of one kind.
func of(s *kconf.Symbol, kind string) []kconf.Property {
	var all []kconf.Property
	for _, p := range s.Properties {
		if p.Kind == kind {
			all = append(all, p)
		}
	}
	return all
}

package kbuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/rename"
)

// Entries returns the definitions of symbols, as package rename compares them.
func Entries(symbols []kconf.Symbol) (all []rename.Entry) {
	for _, s := range symbols {
		if isChoice(s.Name) {
			continue
		}
		for _, e := range s.Entries {
			entry := rename.Entry{Symbol: s.Name, Type: s.Type, File: e.File, Line: e.Line}
			at := 0
			for _, p := range s.Properties {
				// A prompt is in the lines after the beginning of its entry.
				if p.Kind == "prompt" && p.File == e.File && p.Line >= e.Line && (at == 0 || p.Line < at) {
					entry.Prompt, at = p.Text, p.Line
				}
			}
			all = append(all, entry)
		}
	}
	return all
}

func isChoice(name string) bool { return strings.HasPrefix(name, "choice ") }

// checkNames reports the symbols of a request that the kernel does not define. That includes
// settings that would be dropped silently, because an absent symbol is off or their condition
// is that it exists, if the kernel certainly has the symbol under another name.
func checkNames(asked, req kconfigs.Request, symbols []kconf.Symbol) error {
	known, entries := names(symbols), Entries(symbols)
	problems := &kconfigs.RequestError{}
	err := req.CheckKnown(known)
	if e, ok := errors.AsType[*kconfigs.RequestError](err); ok {
		problems = e
	}
	reported := map[string]bool{}
	for i, p := range problems.Problems {
		reported[p.Symbol] = true
		problems.Problems[i].Text = "this kernel has no such symbol" + rename.Other(p.Symbol, known, entries)
	}
	for _, s := range asked.Settings {
		if known[s.Symbol] || reported[s.Symbol] || !meets(s, known) {
			continue
		}
		m, ok := rename.Find(s.Symbol, entries)
		if ok && m.SamePrompt && m.SamePlace && !slices.Contains(strings.Fields(s.Or), m.Symbol) {
			problems.Problems = append(problems.Problems, kconfigs.Problem{
				File: s.Fragment, Line: s.Line, Symbol: s.Symbol, Text: "this kernel has no such symbol" + m.String(),
			})
		}
	}
	if len(problems.Problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems.Problems, func(a, b kconfigs.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return problems
}

// checkAll reports what checkNames finds in requests that are still to be built: a line that
// several profiles share is reported once, before minutes of building.
func (b *Builder) checkAll(ctx context.Context, reqs []kconfigs.Request, conf *lazy) error {
	reqs = slices.DeleteFunc(slices.Clone(reqs), func(r kconfigs.Request) bool { return r.Prebuilt != nil || b.checkArch(r) != nil })
	if len(reqs) < 2 {
		return nil
	}
	k, err := conf.get(ctx)
	if err != nil {
		return nil // the first build fails too, and says for which kernel
	}
	symbols, err := k.Symbols()
	if err != nil {
		return nil
	}
	known, all := names(symbols), &kconfigs.RequestError{}
	var of []string
	for _, asked := range reqs {
		req, err := asked.For(known)
		if err != nil {
			continue
		}
		if e, ok := errors.AsType[*kconfigs.RequestError](checkNames(asked, req, symbols)); ok {
			of = append(of, asked.Profile)
			all.Problems = append(all.Problems, slices.DeleteFunc(e.Problems, func(p kconfigs.Problem) bool { return slices.Contains(all.Problems, p) })...)
		}
	}
	switch {
	case of == nil:
		return nil
	case len(of) > 3:
		of = []string{of[0], of[1], fmt.Sprintf("%d more", len(of)-2)}
	}
	return fmt.Errorf("building %s: %w", strings.Join(of, ", "), all)
}

// meets reports whether the condition of a setting is met, except for its own symbol.
func meets(s kconfigs.Setting, known map[string]bool) bool {
	for _, name := range strings.Fields(s.If) {
		if name != s.Symbol && !known[name] {
			return false
		}
	}
	return true
}

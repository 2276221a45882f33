package kbuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/rename"
)

// Reading is the effect of the lines in a user's own files.
type Reading struct {
	// Unmet are the lines of a whole .config that Kconfig changed, or that are about no symbol
	// of this kernel, both of which Kconfig ignores silently. Symbols with a prompt come
	// first, each in the order of the file. The first 20 have the reason.
	Unmet []kconfigs.Problem
	// Remarks are other messages for the user.
	Remarks []string
}

// maxReasons is the number of unmet lines for which a reason is sought.
const maxReasons = 20

// Read returns the effect of the files that a request was made from. It builds nothing.
func (b *Builder) Read(ctx context.Context, k configurer, req kconfigs.Request) (Reading, error) {
	if err := b.checkArch(req); err != nil {
		return Reading{}, err
	}
	symbols, err := k.Symbols()
	if err != nil {
		return Reading{}, err
	}
	known := names(symbols)
	if req, err = req.For(known); err != nil {
		return Reading{}, err
	}
	r := Reading{Remarks: slices.Clone(req.Remarks)}
	r.Remarks = append(r.Remarks, offAlready(req, known)...)
	if req.Start.Text == "" {
		return r, nil
	}
	j := &job{Builder: b, asked: req, req: req, title: req.Profile}
	if j.tree, err = b.Source.Tree(ctx); err != nil {
		return r, err
	}
	text, mode, err := j.begin()
	if err != nil {
		return r, err
	}
	data, err := k.Settle(ctx, mode, []byte(text))
	if err != nil {
		return r, fmt.Errorf("reading %s: %w", req.Start.Name, err)
	}
	final, err := kconfigs.ParseConfig(data)
	if err != nil {
		return r, err
	}
	own := req.Begun()
	r.Remarks = append(r.Remarks, b.remarks(req, len(own), data)...)
	derived := derived(symbols)
	missed, tools := apart(unmet(own, final, known), derived)
	if len(tools) > 0 {
		r.Remarks = append(r.Remarks, fmt.Sprintf("%s:%d: CONFIG_%s and %d more lines describe the tools it was made with, which differ from those here",
			tools[0].Fragment, tools[0].Line, tools[0].Symbol, len(tools)-1))
	}
	slices.SortStableFunc(missed, func(x, y kconfigs.Setting) int { return cmp.Compare(derived[x.Symbol], derived[y.Symbol]) })
	reasons := b.reasons(ctx, k, req, own)
	for i, s := range missed {
		if i >= maxReasons {
			reasons = nil
		}
		p := problem(s, final, known, reasons != nil)
		if lacksKey("CONFIG_"+s.Symbol+"="+s.Value, j.tree) {
			p.Text = "the file " + s.Value + " does not exist: built without it"
			r.Unmet = append(r.Unmet, p)
			continue
		}
		if reasons != nil && known[s.Symbol] {
			because(&p, s, reasons, i < maxWays)
		}
		r.Unmet = append(r.Unmet, p)
	}
	return r, nil
}

// offAlready remarks on the lines that ask for n of a symbol that the kernel lacks.
func offAlready(req kconfigs.Request, known map[string]bool) (remarks []string) {
	for _, s := range slices.SortedFunc(slices.Values(req.Settings), byPlace) {
		if !known[s.Symbol] && s.Value == "n" {
			remarks = append(remarks, fmt.Sprintf("%s:%d: CONFIG_%s: this kernel has no such symbol, so it is off, as asked%s",
				s.Fragment, s.Line, s.Symbol, rename.Other(s.Symbol, known, nil)))
		}
	}
	return remarks
}

// byPlace sorts settings by file and line.
func byPlace(a, b kconfigs.Setting) int {
	return cmp.Or(cmp.Compare(a.Fragment, b.Fragment), cmp.Compare(a.Line, b.Line))
}

// settled matches the lines of a .config that set a symbol.
var settled = regexp.MustCompile(`(?m)^(CONFIG_\w+=|# CONFIG_\w+ is not set$)`)

// remarks reports a .config that was made for another series or is incomplete.
func (b *Builder) remarks(req kconfigs.Request, lines int, final []byte) (all []string) {
	file := req.Start.Name
	version, line := req.Start.Version()
	series := b.Source.Series()
	if version != "" && !strings.HasPrefix(version+".", series+".") {
		all = append(all, fmt.Sprintf("%s:%d: made for Linux %s, but read with the Kconfig files of %s", file, line, version, series))
	}
	// Kconfig writes a line for nearly every visible symbol.
	if _, changed := req.Over(req.Start.Text); lines+len(changed) < len(settled.FindAll(final, -1))/3 {
		all = append(all, fmt.Sprintf("%s: %d lines; everything else has Kconfig's default, as with make olddefconfig; to add these lines to tiny: tiny --fragment %s",
			file, len(settled.FindAllString(req.Start.Text, -1)), file))
	}
	return all
}

// unmet returns the settings that a final .config does not meet. An unknown symbol meets n.
func unmet(own []kconfigs.Setting, final kconfigs.Config, known map[string]bool) (missed []kconfigs.Setting) {
	for _, s := range own {
		alone := kconfigs.Request{Settings: []kconfigs.Setting{s}}
		if alone.CheckKnown(known) != nil || known[s.Symbol] && alone.Verify(final) != nil {
			missed = append(missed, s)
		}
	}
	return missed
}

// ofTools matches the symbols that Kconfig sets from the compiler, assembler and linker.
var ofTools = regexp.MustCompile(`^(CC|GCC\d*|CLANG|AS|LD|LLD|RUSTC|BINDGEN|PAHOLE|TOOLS)_`)

// apart separates the settings about tools, which no line of a .config changes.
func apart(all []kconfigs.Setting, derived map[string]int) (missed, tools []kconfigs.Setting) {
	for _, s := range all {
		if derived[s.Symbol] == 1 && ofTools.MatchString(s.Symbol) {
			tools = append(tools, s)
		} else {
			missed = append(missed, s)
		}
	}
	return missed, tools
}

// derived maps each symbol without a prompt, which follows from others, to 1.
func derived(symbols []kconf.Symbol) map[string]int {
	all := map[string]int{}
	for _, s := range symbols {
		if !slices.ContainsFunc(s.Properties, func(p kconf.Property) bool { return p.Kind == "prompt" }) {
			all[s.Name] = 1
		}
	}
	return all
}

// reasons returns the state that explains unmet lines, or nil if it cannot be found.
func (b *Builder) reasons(ctx context.Context, k configurer, req kconfigs.Request, own []kconfigs.Setting) *explain.ConfigState {
	w, err := b.ConfigState(ctx, k, req)
	if err != nil {
		return nil
	}
	for _, s := range own {
		w.Asked[s.Symbol] = s
	}
	return w
}

// because adds the reason to an unmet setting and, with way, what to add.
func because(p *kconfigs.Problem, s kconfigs.Setting, w *explain.ConfigState, way bool) {
	reason := w.Refused(s.Symbol, s.Value)
	if way {
		if way, err := w.Way(s); err == nil {
			reason = way.After(reason)
		}
	}
	if reason != "" {
		text, _, _ := strings.Cut(p.Text, " (there are no modules here")
		p.Text = text + ": " + reason
	}
}

// problem describes an unmet setting. Finding names near an unknown one takes long.
func problem(s kconfigs.Setting, final kconfigs.Config, known map[string]bool, near bool) kconfigs.Problem {
	alone := kconfigs.Request{Settings: []kconfigs.Setting{s}}
	p := kconfigs.Problem{File: s.Fragment, Line: s.Line, Symbol: s.Symbol, Text: "this kernel has no such symbol"}
	var err error
	switch {
	case known[s.Symbol]:
		err = alone.Verify(final)
	case near:
		err = alone.CheckKnown(known)
	}
	if e, ok := errors.AsType[*kconfigs.RequestError](err); ok {
		p = e.Problems[0]
	}
	return p
}

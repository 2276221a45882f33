package bisect

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/search"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/target"
)

// Between prepares a search between a kernel on which something works and one on which it does
// not. Of the options, Kconfig and what describes the ends need not be set. find must not be
// closed before the search ends.
func Between(ctx context.Context, find *target.Finder, o Options, good, bad string) ([]*Driver, error) {
	ends, err := find.Ends(ctx, good, bad)
	if err != nil {
		return nil, err
	}
	if !o.Question.Boots() { // the command takes the .configs as they are
		for _, s := range ends {
			s.World = s.Own
		}
	}
	if len(configdiff.Of(ends[0].World, ends[1].World).Changes) == 0 {
		return nil, target.Alike(ends[0], ends[1], "--good "+good, "--bad "+bad)
	}
	o.Kconfig, o.First, o.Last = find.Kconfig, ends[0].World, ends[1].World
	o.Name, o.ObjectTree, o.Guest = target.Plain(good)+".."+target.Plain(bad), target.ObjectTree(ends...), target.Guest(ends[0], ends[1])
	d := New(o)
	d.good, d.bad = good, bad
	return []*Driver{d}, nil
}

// Below prepares a search for each list of required probes: for the least part of the kernel
// with which they work, or with which the program of the options' question does. That is a part of its network or, if whole, of all that the guest can do
// without. The options and find are as for Between.
func Below(ctx context.Context, find *target.Finder, o Options, kernel string, whole bool, required ...[]string) ([]*Driver, error) {
	ends, err := find.Ends(ctx, kernel)
	if err != nil {
		return nil, err
	}
	off, part := []string{"NET"}, "the network"
	if whole {
		off, part = everything(ends[0].World), "everything removable"
	}
	o.Kconfig, o.Last, o.ObjectTree = find.Kconfig, ends[0].World, target.ObjectTree(ends...)
	if o.First, err = strip(ctx, o.Kconfig, o.Last, off); err != nil {
		return nil, err
	}
	var all []*Driver
	for _, ids := range required {
		what := strings.ReplaceAll(strings.Join(ids, ","), "/", "-")
		if len(what) > 60 { // it becomes part of the records' names
			what = fmt.Sprintf("%d-probes", len(ids))
		}
		if o.Name = "least-of-" + target.Plain(kernel) + "-for-" + what; o.Question.program == nil {
			o.Question = Require(ids...)
		}
		d := New(o)
		d.good, d.part = kernel, part
		all = append(all, d)
	}
	return all, nil
}

// explainEnds explains the error of a search between whose ends there is nothing to search; first
// and last are how the user named them. It returns other errors as they are.
func explainEnds(err error, first, last string, g *configdiff.Guest) error {
	e, ok := errors.AsType[*search.EndsError](err)
	if !ok {
		return err
	}
	say := func(name string, v search.Reply) string {
		if v == (search.Reply{}) {
			return name + ": not asked"
		}
		return fmt.Sprintf("%s: %s (%s)", name, v.Answer, report.Escape(v.Note, 200))
	}
	switch {
	case e.Same:
		return usage.Errorf("%s and %s have the same .config: there is nothing to search", first, last)
	case e.First.Answer == search.Unknown || e.Last.Answer == search.Unknown:
		return fmt.Errorf("the ends have no clear answer: %s; %s", say(first, e.First), say(last, e.Last))
	case e.Reversed():
		return usage.Errorf("the ends are swapped: %s; %s", say(first, e.First), say(last, e.Last))
	}
	text := fmt.Sprintf("the ends do not differ: %s; %s", say(first, e.First), say(last, e.Last))
	if g != nil {
		text += "; boots here cannot show " + g.Names() + ", but --command takes the .configs as they are"
	}
	return usage.Errorf("%s", text)
}

// strip returns w without the symbols in off and everything that depends on them.
func strip(ctx context.Context, k *kconf.Kconfig, w *explain.ConfigState, off []string) (*explain.ConfigState, error) {
	text := configdiff.Of(w, w).Exactly()
	for _, name := range off {
		text = append(text, "# CONFIG_"+name+" is not set\n"...)
	}
	values, err := k.Values(ctx, kconf.OldDef, text)
	if err != nil {
		return nil, err
	}
	return explain.NewConfigState(w.Tree, values, kconfigs.Request{}), nil
}

// everything returns the symbols that are on in w and that a user could switch off, except
// those that the guest needs.
func everything(w *explain.ConfigState) []string {
	protected := map[string]bool{}
	for _, name := range w.Protected() {
		protected[name] = true
	}
	var off []string
	for _, name := range w.Names() {
		v := w.Values[name]
		if s := w.Symbol(name); !protected[name] && v.Visible > kconf.No && (v.Value == "y" || v.Value == "m") &&
			(s.Type == "bool" || s.Type == "tristate") && s.Choice == "" {
			off = append(off, name)
		}
	}
	return off
}

// Package configdiff finds the symbols in which two .configs differ, and which of these
// differences cause the others. It runs on the host and starts nothing: its caller
// provides the values that a .config leads to.
//
// When two kernels differ in hundreds of symbols, somebody usually asked for a few, and
// Kconfig did the rest: it dropped what depended on them and added what they select. These
// few are the leaves. They are found by experiment: setting all leaves in the first .config
// leads to the second, and none of them can be removed.
//
// The .configs in between have some of the leaves set. In these, symbols that are equal in
// both .configs keep that value: one that only becomes visible with a leaf, and is off in
// both, stays off whatever its default.
package configdiff

import (
	"context"
	"slices"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Settle returns the value of every symbol for a .config, with the defaults for symbols that
// it does not name, as make olddefconfig does.
type Settle func(ctx context.Context, config []byte) (map[string]kconf.Value, error)

// Change is a symbol whose value differs in the second .config.
type Change struct {
	Symbol string `json:"symbol"`
	// From and To are values as in a .config; a symbol that is not in it is n.
	From string `json:"from"`
	To   string `json:"to"`
}

// Delta is the difference between two .configs.
type Delta struct {
	// Changes are all symbols that differ, by name.
	Changes []Change
	// Leaves are those that cause the others, by name.
	Leaves []Change
	// Left are the differences that remain when all the leaves are set in the first .config.
	// There should be none.
	Left []Change

	a, b   *explain.ConfigState
	names  []string
	pinned map[string]bool // symbols that do not have their default in the first
	settle Settle
}

// Of returns what differs without looking for leaves.
func Of(a, b *explain.ConfigState) *Delta {
	d := &Delta{a: a, b: b, names: a.Names(), pinned: map[string]bool{}}
	d.Changes = d.changes(a.Values, b.Values)
	d.pin()
	return d
}

// Between compares two .configs of one kernel source. It settles about ten .configs, and a
// few more for each symbol that may or may not be a leaf.
func Between(ctx context.Context, a, b *explain.ConfigState, settle Settle) (*Delta, error) {
	d := Of(a, b)
	d.settle = settle
	chosen, err := d.choose(ctx)
	if err == nil && len(d.Left) == 0 {
		chosen, err = d.prune(ctx, chosen, slices.DeleteFunc(slices.Clone(chosen), d.isNeeded))
	}
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(slices.Values(chosen)) {
		d.Leaves = append(d.Leaves, d.change(name, a.Values, b.Values))
	}
	return d, nil
}

// Config returns the first .config with some symbols set as in the second. Without any it is
// equivalent to the first, with all the leaves to the second.
func (d *Delta) Config(leaves ...string) []byte { return d.config(leaves, false) }

// Exactly returns the first .config with some symbols set as in the second, and the others,
// as far as possible, as in the first: none gets its default. With all symbols that have a
// prompt it is equivalent to the second. The members of a choice change together, so that
// Kconfig does not choose a member that neither has.
func (d *Delta) Exactly(changes ...string) []byte { return d.config(d.together(changes), true) }

// together adds the other members of the same choices, and those of choices that only the
// second .config has, of which one must be y if they are visible.
func (d *Delta) together(changes []string) []string {
	moved, kept := map[string]bool{}, map[string]bool{}
	for _, name := range changes {
		moved[d.a.Symbol(name).Choice] = true
	}
	for _, name := range d.names {
		if s := d.a.Symbol(name); s.Choice != "" && d.a.Values[name].Value == "y" {
			kept[s.Choice] = true
		}
	}
	all := slices.Clone(changes)
	for _, c := range d.Changes {
		choice := d.a.Symbol(c.Symbol).Choice
		if choice != "" && (moved[choice] || !kept[choice]) && !slices.Contains(changes, c.Symbol) {
			all = append(all, c.Symbol)
		}
	}
	return all
}

func (d *Delta) config(leaves []string, exactly bool) []byte {
	set := map[string]bool{}
	for _, name := range leaves {
		set[name] = true
	}
	var r kconfigs.Request
	for _, name := range d.names {
		c := d.change(name, d.a.Values, d.b.Values)
		switch {
		case set[name], c.From != c.To && !d.pinned[name] && !exactly:
		case d.a.Values[name].Written, isBool(d.a.Symbol(name)):
			r.Settings = append(r.Settings, kconfigs.Setting{Symbol: name, Value: c.From})
		}
	}
	for _, name := range leaves { // last: the last member of a choice that is y counts
		r.Settings = append(r.Settings, kconfigs.Setting{Symbol: name, Value: d.value(d.b.Values, name)})
	}
	return []byte(r.Text())
}

func isBool(s *kconf.Symbol) bool { return s.Type == "bool" || s.Type == "tristate" }

// value returns a value as in a .config.
func (d *Delta) value(values map[string]kconf.Value, name string) string {
	return valueOf(d.a.Symbol(name), values[name])
}

func (d *Delta) change(name string, from, to map[string]kconf.Value) Change {
	return Change{name, d.value(from, name), d.value(to, name)}
}

// changes lists what differs, by name.
func (d *Delta) changes(from, to map[string]kconf.Value) []Change {
	var all []Change
	for _, name := range d.names {
		if c := d.change(name, from, to); c.From != c.To {
			all = append(all, c)
		}
	}
	return all
}

// pin finds the differing lines that the first .config needs. The others are omitted, so that
// their defaults apply, which may follow from the leaves.
func (d *Delta) pin() {
	for _, c := range d.Changes {
		d.pinned[c.Symbol] = !d.byItself(d.a, c.Symbol)
	}
}

// choose sets every symbol that differs and can be set until nothing differs, and returns
// what it set.
func (d *Delta) choose(ctx context.Context) (chosen []string, err error) {
	for {
		got, err := d.settle(ctx, d.Config(chosen...))
		if err != nil {
			return nil, err
		}
		d.Left = d.changes(got, d.b.Values)
		var now []string
		for _, c := range d.Left {
			can := got[c.Symbol].Visible > kconf.No && d.b.Values[c.Symbol].Visible > kconf.No
			if can && !slices.Contains(chosen, c.Symbol) {
				now = append(now, c.Symbol)
			}
		}
		if len(now) == 0 {
			return chosen, nil
		}
		chosen = append(chosen, now...)
	}
}

// isNeeded reports whether a symbol needs its own line to have its value in the second
// .config.
func (d *Delta) isNeeded(name string) bool {
	v := d.b.Values[name]
	if d.a.Symbol(name).Choice != "" || v.Selected > kconf.No {
		return false
	}
	return d.pinned[name] || !d.byItself(d.b, name)
}

// byItself reports whether a symbol has its value in w without a line of its own.
func (d *Delta) byItself(w *explain.ConfigState, name string) bool {
	return d.a.Symbol(name).Choice == "" && w.Unset(name) == w.Values[name].Value
}

// prune removes as many symbols in some as possible from chosen.
func (d *Delta) prune(ctx context.Context, chosen, some []string) ([]string, error) {
	if len(some) == 0 {
		return chosen, nil
	}
	fewer := slices.DeleteFunc(slices.Clone(chosen), func(name string) bool { return slices.Contains(some, name) })
	got, err := d.settle(ctx, d.Config(fewer...))
	if err != nil {
		return nil, err
	}
	if len(d.changes(got, d.b.Values)) == 0 {
		return fewer, nil
	}
	if len(some) == 1 {
		return chosen, nil
	}
	for _, half := range [][]string{some[:len(some)/2], some[len(some)/2:]} {
		if chosen, err = d.prune(ctx, chosen, half); err != nil {
			return nil, err
		}
	}
	return chosen, nil
}

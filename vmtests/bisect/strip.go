package bisect

import (
	"context"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// Strip returns w without the symbols in off and everything that depends on them.
func Strip(ctx context.Context, k *kconf.Kconfig, w *explain.ConfigState, off []string) (*explain.ConfigState, error) {
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

// Everything returns the symbols that are on in w and that a user could switch off, except
// those that the guest needs.
func Everything(w *explain.ConfigState) []string {
	protected := map[string]bool{}
	for _, name := range kconfigs.Protected() {
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

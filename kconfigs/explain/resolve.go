package explain

import (
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
)

// Resolve returns the symbols that args name, with or without CONFIG_ and in any case, and the
// values of arguments such as NAME=VALUE; the other values are empty.
func (t *Tree) Resolve(args []string) (names, values []string, err error) {
	known, folded := map[string]bool{}, map[string]string{}
	for _, name := range t.Names() {
		known[name], folded[strings.ToUpper(name)] = true, name
	}
	var req kconfigs.Request
	for _, arg := range args {
		name, value, valued := strings.Cut(arg, "=")
		name = strings.TrimPrefix(strings.ToUpper(name), "CONFIG_")
		if as, ok := folded[name]; ok {
			name = as
		}
		if valued {
			if _, err := kconfigs.ParseFragment(arg, []byte("CONFIG_"+name+"="+value)); err != nil {
				return nil, nil, err
			}
		}
		req.Settings = append(req.Settings, kconfigs.Setting{Symbol: name})
		values = append(values, value)
	}
	if err := req.CheckKnown(known); err != nil {
		return nil, nil, err
	}
	for _, s := range req.Settings {
		names = append(names, s.Symbol)
	}
	return names, values, nil
}

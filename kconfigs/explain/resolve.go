package explain

import (
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/rename"
)

// Resolve returns the symbols that args name, with or without CONFIG_ and in any case, and the
// values of arguments such as NAME=VALUE; the other values are empty. Unknown symbols are an
// error.
func (t *Tree) Resolve(args []string) (names, values []string, err error) {
	var req kconfigs.Request
	for _, arg := range args {
		name, value, err := t.Lookup(arg)
		if err != nil {
			return nil, nil, err
		}
		names, values = append(names, name), append(values, value)
		req.Settings = append(req.Settings, kconfigs.Setting{Symbol: name})
	}
	if err := req.CheckKnown(t.known()); err != nil {
		return nil, nil, err
	}
	return names, values, nil
}

// Lookup is Resolve for one argument. A symbol that the kernel does not have is no error.
func (t *Tree) Lookup(arg string) (name, value string, err error) {
	name, value, valued := strings.Cut(arg, "=")
	name = strings.TrimPrefix(strings.ToUpper(name), "CONFIG_")
	if !t.Has(name) {
		for _, as := range t.Names() {
			if strings.EqualFold(as, name) {
				name = as
			}
		}
	}
	if valued {
		_, err = kconfigs.ParseFragment(arg, []byte("CONFIG_"+name+"="+value))
	}
	return name, value, err
}

// Absent says that the kernel does not have a symbol, and its name in this kernel, if that is known.
func (t *Tree) Absent(name string) string {
	text := "no Kconfig file that is read for " + t.arch + " defines it"
	if other := rename.Other(name, t.known(), nil); !strings.Contains(other, "did you mean") {
		text += other
	}
	return text
}

func (t *Tree) known() map[string]bool {
	known := map[string]bool{}
	for _, name := range t.Names() {
		known[name] = true
	}
	return known
}

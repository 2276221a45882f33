package explain_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild/kbuildtest"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// TestUnset compares Unset with Kconfig for a .config with hardly any lines.
func TestUnset(t *testing.T) {
	eachKernel(t, func(t *testing.T, tree *explain.Tree, k kbuildtest.Kernel) {
		for _, line := range []string{"", "CONFIG_MODULES=y\n"} {
			values, err := k.Kconfig.Values(t.Context(), kconf.OldDef, []byte(line))
			require.NoError(t, err)
			w := explain.ConfigState{Tree: tree, Values: values}
			on := 0
			for _, name := range tree.Names() {
				s := tree.Symbol(name)
				tri := s.Type == "bool" || s.Type == "tristate"
				if s.Choice != "" || name == "MODULES" || !tri && !values[name].Written {
					continue
				}
				assert.Equal(t, values[name].Value, w.Unset(name), name)
				if values[name].Value != "n" {
					on++
				}
			}
			assert.Greater(t, on, 500, "these are not all n")
		}
	})
}

func TestCauses(t *testing.T) {
	const prompt = `{"kind":"prompt","file":"k","line":1`
	k := tree(t,
		`{"name":"N","type":"bool","properties":[`+prompt+`}]}`,
		`{"name":"M","type":"tristate","properties":[`+prompt+`},{"kind":"select","value":"LIB"}]}`,
		`{"name":"LIB","type":"tristate","properties":[]}`,
		`{"name":"NEEDS","type":"bool","depends":["&&","N","M"],"properties":[`+prompt+`,"if":["&&","N","M"]}]}`,
		`{"name":"DEFAULT","type":"bool","properties":[{"kind":"default","value":"N"}]}`,
		`{"name":"NUMBER","type":"integer","properties":[{"kind":"default","value":"'7","if":"N"},{"kind":"default","value":"'8"}]}`,
		`{"name":"HIDDEN","type":"bool","properties":[`+prompt+`,"if":"N"},{"kind":"default","value":"'y"}]}`,
		`{"name":"IMPLIED","type":"bool","properties":[]}`,
		`{"name":"IMPLIES","type":"bool","properties":[`+prompt+`},{"kind":"imply","value":"IMPLIED","if":"N"}]}`,
		`{"name":"FIRST","type":"bool","choice":"c","properties":[`+prompt+`}]}`,
		`{"name":"SECOND","type":"bool","choice":"c","properties":[`+prompt+`}]}`,
	)
	world := func(on, selected string, names ...string) *explain.ConfigState {
		w := &explain.ConfigState{Tree: k, Values: map[string]kconf.Value{}}
		for _, n := range k.Names() {
			w.Values[n] = kconf.Value{Value: "n"}
		}
		for _, n := range names {
			w.Values[n] = kconf.Value{Value: on}
		}
		w.Values["LIB"] = kconf.Value{Value: selected, Selected: map[string]kconf.Tri{"m": kconf.Mod, "y": kconf.Yes}[selected]}
		return w
	}
	low, high := world("n", "n"), world("y", "y", "N", "M", "NEEDS", "DEFAULT", "IMPLIES", "IMPLIED", "FIRST")
	for name, want := range map[string][]string{
		"LIB": {"M"}, "NEEDS": {"N", "M"}, "DEFAULT": {"N"}, "NUMBER": {"N"}, "IMPLIED": {"IMPLIES", "N"},
		"FIRST": {"FIRST", "SECOND"}, "N": nil,
	} {
		assert.Equal(t, want, explain.Causes(name, low, high), name)
	}
	assert.Equal(t, []string{"M"}, explain.Causes("LIB", world("m", "m", "M"), high), "from m to y")
	hidden := world("y", "n", "HIDDEN")
	assert.Equal(t, []string{"N"}, explain.Causes("HIDDEN", world("y", "n", "N"), hidden), "it has its default once nobody can set it")
}

package configdiff_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

// kernel returns a .config of NAME=VALUE words, each defined in DIR:NAME=VALUE.
func kernel(t *testing.T, arch, words string, asked ...kconfigs.Setting) *explain.ConfigState {
	t.Helper()
	var dump strings.Builder
	values := map[string]kconf.Value{}
	for word := range strings.FieldsSeq(words) {
		dir, setting, _ := strings.Cut(word, ":")
		name, value, _ := strings.Cut(setting, "=")
		kind, needs := "bool", ""
		if value != "y" && value != "n" {
			kind = "integer"
		}
		if strings.HasPrefix(name, "NEEDS_") {
			needs = `,"depends":"NET"`
		}
		prompt := strings.Replace(needs, "depends", "if", 1)
		dump.WriteString(`{"name":"` + name + `","file":"` + dir + `/Kconfig","line":1,"type":"` + kind + `"` + needs + `,"properties":[{"kind":"prompt"` + prompt + `}]}` + "\n")
		values[name] = kconf.Value{Value: value, Visible: kconf.Yes, Depends: kconf.Yes, Written: true}
	}
	symbols, err := kconf.ParseSymbols([]byte(dump.String()))
	require.NoError(t, err)
	return explain.NewConfigState(explain.NewTree(symbols, arch), values, kconfigs.Request{Settings: asked})
}

func TestAcross(t *testing.T) {
	a := kernel(t, "x86_64", "net:NET=y net/ipv4:INET=y fs/nfs:NEEDS_NET=y arch/x86:X86=y arch/x86/kvm:PVH=y init:EXPERT=y init:BITS=14 net:OFF=n lib:ONLY_A=n",
		kconfigs.Setting{Symbol: "PVH", Value: "y", Fragment: "x86_64.config", Line: 3})
	b := kernel(t, "arm64", "net:NET=y net/ipv4:INET=n fs/nfs:NEEDS_NET=n arch/arm64:ARM64=y init:EXPERT=y init:BITS=17 net:OFF=n lib:ONLY_B=n")
	c := configdiff.Across(a, b)
	assert.Equal(t, []configdiff.Crossed{
		{Change: configdiff.Change{Symbol: "INET", From: "y", To: "n"}, Defined: "both", Why: "nothing asks for it"},
		{Change: configdiff.Change{Symbol: "NEEDS_NET", From: "y", To: "n"}, Defined: "both", Why: "nothing asks for it"},
	}, c.Network, "what is defined in net, or needs NET")
	assert.Equal(t, []configdiff.Crossed{{Change: configdiff.Change{Symbol: "PVH", From: "y", To: "n"}, Defined: "a", Why: "no Kconfig file that is read for arm64 defines it"}}, c.Asked)
	assert.Equal(t, []configdiff.Directory{{Dir: "arch/arm64", OnlyB: 1}, {Dir: "arch/x86", OnlyA: 1}, {Dir: "init", Both: 1}}, c.Others)
	assert.Equal(t, 6, c.Differ)
	assert.Equal(t, 2, c.Same, "NET and EXPERT")

	var text, markdown strings.Builder
	require.NoError(t, c.Write(&text, "full@x86_64", "full@arm64", configdiff.Text{}))
	assert.Equal(t, `full@x86_64 to full@arm64, whose Kconfig files are not the same: 6 symbols differ: 2 of the network,
1 more that fragments name, 3 others; 2 are on and equal

The network:
    INET y -> n: nothing asks for it
    NEEDS_NET y -> n: nothing asks for it

Named by fragments:
    PVH y -> n: no Kconfig file that is read for arm64 defines it

The other 3 by directory, defined only for A, only for B, and for both with other values:
    arch/arm64                   0     1     0
    arch/x86                     1     0     0
    init                         0     0     1
`, text.String())
	require.NoError(t, c.Write(&markdown, "A", "B", configdiff.Text{Markdown: true}))
	assert.Contains(t, markdown.String(), "- `INET y -> n`: nothing asks for it\n")
	assert.Contains(t, markdown.String(), "|---|---:|---:|---:|\n| arch/arm64 | 0 | 1 | 0 |\n")

	same := configdiff.Across(a, a)
	assert.Zero(t, same.Differ)
	text.Reset()
	require.NoError(t, same.Write(&text, "A", "B", configdiff.Text{}))
	assert.Equal(t, "A to B, whose Kconfig files are not the same: no symbol differs; 7 are on and equal\n", text.String())
}

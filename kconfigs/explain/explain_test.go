package explain_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

func request(t *testing.T) kconfigs.Request {
	t.Helper()
	data, err := os.ReadFile("testdata/mine.config")
	require.NoError(t, err)
	f, err := kconfigs.ParseFragment("mine.config", data)
	require.NoError(t, err)
	p, err := kconfigs.Lookup("no-inet")
	require.NoError(t, err)
	req, err := p.With(f).Request()
	require.NoError(t, err)
	return req
}

// corpus returns an excerpt of Linux 6.12 and of the values of no-inet with mine.config.
func corpus(t *testing.T) *explain.ConfigState {
	t.Helper()
	data, err := os.ReadFile("testdata/symbols")
	require.NoError(t, err)
	symbols, err := kconf.ParseSymbols(data)
	require.NoError(t, err)
	data, err = os.ReadFile("testdata/values.json")
	require.NoError(t, err)
	values := map[string]kconf.Value{}
	require.NoError(t, json.Unmarshal(data, &values))
	return explain.NewConfigState(explain.NewTree(symbols, "x86_64"), values, request(t))
}

func wanted(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/wanted")
	require.NoError(t, err)
	return strings.Fields(string(data))
}

// tree makes a tree from lines of the Kconfig program, without their places.
func tree(t *testing.T, lines ...string) *explain.Tree {
	t.Helper()
	for i, l := range lines {
		lines[i] = `{"file":"net/k/Kconfig","line":1,` + l[1:]
	}
	symbols, err := kconf.ParseSymbols([]byte(strings.Join(lines, "\n")))
	require.NoError(t, err)
	return explain.NewTree(symbols, "x86_64")
}

func TestRefused(t *testing.T) {
	w := corpus(t)
	for ask, want := range map[string]string{
		"DRM_AMDGPU=y": "no Kconfig file that is read for x86_64 defines it",
		"NFS_FS=y": "it needs NETWORK_FILESYSTEMS, which is n, and INET, which is n, as no-inet.config:2 asks; " +
			"nothing asks for NETWORK_FILESYSTEMS",
		"TUN=y": "it needs INET, which is n, as no-inet.config:2 asks",
		"ISA=y": "it needs X86_32, which is n; X86_32 needs 64BIT to be off, and it is y, as guest.config:6 asks",
		"ARM_AMBA=y": "it has no prompt: ARCH_RZN1 would select it, which is n; " +
			"ARCH_RZN1 has no prompt, and nothing selects it",
		"SND_SOC_FRAMER=y": "it needs GENERIC_FRAMER, which is n; GENERIC_FRAMER has no prompt, and nothing selects it",
		"EXT4_FS=m":        "there are no modules here: ask for y; EXT4_FS needs BLOCK, which is n; nothing asks for BLOCK",
		"GENERIC_PHY=m":    "it cannot be a module: ask for y",
		"FAILOVER=n": "it is selected by NET_FAILOVER (drivers/net/Kconfig:654); " +
			"NET_FAILOVER is selected by VIRTIO_NET (drivers/net/Kconfig:449), as nic.config:6 asks",
		"X86=n":            "it has no prompt, and its default is y (arch/x86/Kconfig:58)",
		"LOG_BUF_SHIFT=40": "the range is 12 to 25 (init/Kconfig:767)",
		"LOG_BUF_SHIFT=y":  "it takes a value of type integer, not y, m or n",
		"UNIX=\"y\"":       `it is a bool and cannot be "y"`,
		"PREEMPT_NONE=y":   "only one member of the choice kernel/Kconfig.preempt:14 can be on: PREEMPT, as mine.config:7 asks",
		"PREEMPT=n":        "a member of the choice kernel/Kconfig.preempt:14 must be on, and it is, as mine.config:7 asks",
		"NET=n":            "as in the .config at the start",
		"NET=y":            "", "INET=n": "", "LOG_BUF_SHIFT=25": "", `DEFAULT_HOSTNAME="(none)"`: "",
		"INET=y": "no-inet.config:2 asks for that",
		"64BIT=n": `the prompt of 64BIT is hidden (it needs "x86_64" = "x86", which is never true), ` +
			`and its default is "x86_64" != "i386" (arch/x86/Kconfig:5)`,
	} {
		name, value, _ := strings.Cut(ask, "=")
		assert.Equal(t, want, w.Refused(name, value), ask)
	}
}

func TestWhy(t *testing.T) {
	w := corpus(t)
	for name, want := range map[string]string{
		"NET":                 "as net.config:2 asks",
		"INET":                "as no-inet.config:2 asks",
		"NETWORK_FILESYSTEMS": "nothing asks for it",
		"IPV6":                "it needs INET, which is n, as no-inet.config:2 asks",
		"NET_FAILOVER":        "it is selected by VIRTIO_NET (drivers/net/Kconfig:449), as nic.config:6 asks",
		"LOG_BUF_SHIFT":       "mine.config:5 asks for 40; the range is 12 to 25 (init/Kconfig:767)",
		"DEFAULT_HOSTNAME":    `its default is "(none)" (init/Kconfig:414)`,
		"AF_UNIX_OOB":         "it has no prompt, and its default is y (net/unix/Kconfig:22)",
		"NO_SUCH":             "no Kconfig file that is read for x86_64 defines it",
	} {
		assert.Equal(t, want, w.Why(name), name)
	}
}

func TestCorpusEvaluates(t *testing.T) {
	w := corpus(t)
	for _, name := range wanted(t) {
		visible, depends, _ := w.Bounds(name)
		assert.Equal(t, w.Values[name].Visible, visible, name)
		if w.Comparable(name) {
			assert.Equal(t, w.Values[name].Depends, depends, name)
		}
	}
}

func TestWrite(t *testing.T) {
	w := corpus(t)
	var b strings.Builder
	for _, name := range []string{"FAILOVER", "LOG_BUF_SHIFT", "PREEMPT_RT", "DEFAULT_HOSTNAME", "NET"} {
		e := w.Explain("no-inet+mine", name)
		require.NoError(t, e.Write(&b))
	}
	e := w.Tree.Explain("UNIX")
	assert.Empty(t, e.Value, "there is no .config")
	e.Check = &explain.Check{Closure: e.Without, Measured: 2, Differences: []explain.Difference{
		{Symbol: "UNIX_DIAG", Closure: true, Class: explain.ClassNegative, Reason: "it needs X to be off"},
	}}
	require.NoError(t, e.Write(&b))
	for line := range strings.Lines(b.String()) {
		assert.LessOrEqual(t, len(line), 101, line)
	}
	const golden = "testdata/explained.txt"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

// Each line is a symbol, and its fate without N.
func TestClosure(t *testing.T) {
	const prompt = `{"kind":"prompt","file":"k","line":1`
	k := tree(t,
		`{"name":"N","type":"bool","properties":[`+prompt+`}]}`,
		`{"name":"ALWAYS","type":"bool","properties":[{"kind":"default","value":"'y"}]}`,
		`{"name":"FORCED","type":"bool","properties":[`+prompt+`}]}`,
		`{"name":"FORCING","type":"bool","properties":[{"kind":"default","value":"'y"},{"kind":"select","value":"FORCED"}]}`,
		`{"name":"FREE","type":"tristate","properties":[`+prompt+`}]}`,
		`{"name":"NEEDS","type":"bool","depends":"N","properties":[`+prompt+`,"if":"N"}]}`,
		`{"name":"NEEDS_TOO","type":"bool","depends":["&&","FREE","NEEDS"],"properties":[`+prompt+`,"if":["&&","FREE","NEEDS"]}]}`,
		`{"name":"EITHER","type":"bool","properties":[`+prompt+`,"if":["||","FREE","NEEDS"]}]}`,
		`{"name":"WITHOUT","type":"bool","properties":[`+prompt+`,"if":["!","N"]}]}`,
		`{"name":"NEVER","type":"bool","properties":[`+prompt+`,"if":["&&","N",["!","ALWAYS"]]}]}`,
		`{"name":"NEVER_EITHER","type":"bool","properties":[`+prompt+`,"if":["&&","N",["!","FORCED"]]}]}`,
		`{"name":"UNDEFINED","type":"bool","properties":[`+prompt+`,"if":["&&","N","SPARC"]}]}`,
		`{"name":"COMPARES","type":"bool","properties":[`+prompt+`,"if":["=","N","'y"]}]}`,
		`{"name":"COMPARES_NOT","type":"bool","properties":[`+prompt+`,"if":["=","N","'n"]}]}`,
		`{"name":"SELECTED","type":"bool","properties":[]}`,
		`{"name":"SELECTS","type":"bool","depends":"N","properties":[`+prompt+`,"if":"N"},{"kind":"select","value":"SELECTED","if":"N"}]}`,
		`{"name":"SAVED","type":"bool","depends":"N","properties":[`+prompt+`,"if":"N"}]}`,
		`{"name":"SAVES","type":"bool","properties":[`+prompt+`},{"kind":"select","value":"SAVED"}]}`,
		`{"name":"IMPLIED","type":"bool","depends":"N","properties":[]}`,
		`{"name":"IMPLIES","type":"bool","properties":[`+prompt+`},{"kind":"imply","value":"IMPLIED"}]}`,
		`{"name":"NEEDS_N_ON","type":"bool","properties":[`+prompt+`},{"kind":"select","value":"N"}]}`,
		`{"name":"MAY_NEED","type":"bool","properties":[`+prompt+`},{"kind":"select","value":"N","if":"FREE"}]}`,
		`{"name":"NUMBER","type":"integer","depends":"N","properties":[{"kind":"default","value":"7","if":"N"}]}`,
		`{"name":"DEFAULT","type":"bool","properties":[{"kind":"default","value":"NEEDS"}]}`,
	)
	c := k.Closure("N")
	assert.Equal(t, []string{"COMPARES", "DEFAULT", "IMPLIED", "N", "NEEDS", "NEEDS_N_ON", "NEEDS_TOO", "NUMBER", "SELECTED", "SELECTS"}, c.Gone)
	assert.Equal(t, []explain.Count{{Dir: "net", Symbols: 10}}, c.Trees)
	assert.Equal(t, []explain.Count{{Dir: "net/k", Symbols: 10}}, c.Parts)
	assert.Equal(t, "N and 9 more can never be set: net/k\x1f10", c.String())
	assert.Equal(t, "nothing else is lost", k.Closure("WITHOUT").String())
}

// TestCheckClasses replaces Kconfig: the symbols in on are on, unless the request switches them
// off.
func TestCheckClasses(t *testing.T) {
	const prompt = `{"kind":"prompt","file":"k","line":1`
	k := tree(t,
		`{"name":"choice net/k/Kconfig:1","type":"bool","properties":[`+prompt+`,"if":"N"}]}`,
		`{"name":"N","type":"bool","properties":[`+prompt+`}]}`,
		`{"name":"KEEPS","type":"bool","properties":[`+prompt+`},{"kind":"select","value":"N"}]}`,
		`{"name":"FIRST","type":"bool","choice":"choice net/k/Kconfig:1","properties":[`+prompt+`,"if":"N"}]}`,
		`{"name":"SECOND","type":"bool","choice":"choice net/k/Kconfig:1","properties":[`+prompt+`,"if":"N"}]}`,
		`{"name":"WITHOUT","type":"bool","properties":[`+prompt+`,"if":["&&","N",["!","KEEPS"]]}]}`,
		`{"name":"WAITS","type":"bool","properties":[{"kind":"default","value":"SECOND"}]}`,
		`{"name":"THIRD","type":"bool","properties":[`+prompt+`,"if":["=","N","'m"]}]}`,
		`{"name":"SELECTED","type":"bool","properties":[]}`,
		`{"name":"SELECTS","type":"bool","properties":[`+prompt+`,"if":"WITHOUT"},{"kind":"select","value":"SELECTED","if":"WITHOUT"}]}`,
		`{"name":"EITHER","type":"bool","properties":[`+prompt+`,"if":["||","N","WITHOUT","SPARC"]}]}`,
		`{"name":"ODD","type":"bool","properties":[`+prompt+`,"if":"N"}]}`,
	)
	on := func(visible kconf.Tri) kconf.Value { return kconf.Value{Value: "y", Visible: visible, Written: true} }
	off := kconf.Value{Value: "n"}
	values := func(_ context.Context, request []byte) (map[string]kconf.Value, error) {
		text := string(request)
		v := map[string]kconf.Value{}
		for _, name := range append(k.Names(), "choice net/k/Kconfig:1") {
			v[name] = off
		}
		if strings.Contains(text, "CONFIG_KEEPS is not set") {
			v["N"] = kconf.Value{Value: "n", Visible: kconf.Yes}
			v["ODD"] = on(kconf.No) // against its dependencies
			return v, nil
		}
		v["N"], v["KEEPS"], v["FIRST"], v["EITHER"], v["ODD"] = on(2), on(2), on(2), on(2), on(2)
		v["SECOND"] = kconf.Value{Value: "n", Visible: kconf.Yes}
		return v, nil
	}
	c, err := k.Check(t.Context(), "N", values)
	require.NoError(t, err)
	assert.Equal(t, []string{"N", "KEEPS"}, c.Closure.Off, "what selects it had to go too")
	assert.Equal(t, 4, c.Measured, "N, KEEPS, FIRST and EITHER")
	classes := map[string]string{}
	for _, d := range c.Differences {
		classes[d.Symbol] = d.Class
		assert.Equal(t, d.Symbol != "EITHER", d.Closure, d.Symbol)
		assert.Equal(t, d.Symbol == "ODD", d.Reason == "it is on without N", d.Reason)
	}
	assert.Equal(t, map[string]string{
		"SECOND": explain.ClassChoice, "WAITS": explain.ClassChoice, "WITHOUT": explain.ClassNegative,
		"SELECTS": explain.ClassNegative, "SELECTED": explain.ClassUnselected, "THIRD": explain.ClassComparison,
		"ODD": explain.ClassUnexplained,
	}, classes)

	_, err = k.Check(t.Context(), "FIRST", values)
	assert.EqualError(t, err, "switching FIRST off: FIRST stays y: a member of the choice net/k/Kconfig:1 must be on, and it is")
}

func TestTransitional(t *testing.T) {
	w := &explain.ConfigState{
		Tree: tree(t,
			`{"name":"OLD","type":"bool","transitional":true,"properties":[]}`,
			`{"name":"NEW","type":"bool","properties":[{"kind":"prompt","text":"new"},{"kind":"default","value":"OLD"}]}`,
			`{"name":"HIDDEN","type":"bool","properties":[{"kind":"default","value":"OLD"}]}`,
			`{"name":"USER","type":"bool","depends":"HIDDEN","properties":[{"kind":"prompt","text":"user","if":"HIDDEN"}]}`),
		Values: map[string]kconf.Value{
			"OLD": {Value: "n", Visible: kconf.Yes}, "NEW": {Value: "n", Visible: kconf.Yes},
			"HIDDEN": {Value: "n"}, "USER": {Value: "n"},
		},
	}
	const why = "it is transitional: only an old .config sets it, as the default of HIDDEN or NEW: ask for that"
	assert.Equal(t, why, w.Why("OLD"))
	assert.Equal(t, why, w.Refused("OLD", "y"))
	assert.Empty(t, w.Refused("OLD", "n"))
	assert.Contains(t, w.Refused("USER", "y"), "OLD is transitional: only an old .config sets it")
	way, err := w.Way(kconfigs.Setting{Symbol: "OLD", Value: "y"})
	require.NoError(t, err)
	assert.True(t, way.Never)
	assert.Equal(t, []string{"HIDDEN", "USER"}, w.Closure("HIDDEN").Gone, "an old .config may switch them on")
	w.Values["OLD"] = kconf.Value{Value: "y", Visible: kconf.Yes}
	assert.Equal(t, why, w.Refused("OLD", "y"), "no .config has it, whatever its value is")
	var b strings.Builder
	e := w.Explain("mine", "OLD")
	require.NoError(t, e.Write(&b))
	assert.Contains(t, b.String(), "  type        bool, transitional: only an old .config sets it\n")
}

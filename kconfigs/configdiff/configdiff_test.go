package configdiff_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
)

var update = flag.Bool("update", false, "write the texts again")

// play implements the rules for the few symbols in testdata/symbols by hand.
func play(_ context.Context, config []byte) (map[string]kconf.Value, error) {
	lines := map[string]string{}
	f, err := kconfigs.ParseFragment("config", config)
	for _, s := range f.Settings {
		lines[s.Symbol] = strings.Trim(s.Value, `"`)
	}
	values := map[string]kconf.Value{}
	is := func(name string) bool { return values[name].Value == "y" }
	set := func(name string, visible, selected bool, preset string) {
		v := kconf.Value{Value: preset, Depends: kconf.Yes}
		if line, ok := lines[name]; ok && visible {
			v.Value = line
		}
		if visible {
			v.Visible = kconf.Yes
		}
		if selected {
			v.Value, v.Selected = "y", kconf.Yes
		}
		v.Written = visible || v.Value != "n"
		values[name] = v
	}
	when := func(cond bool, yes, no string) string {
		if cond {
			return yes
		}
		return no
	}
	set("NET", true, false, "n")
	set("UNIX", is("NET"), false, "n")
	set("OOB", false, false, when(is("UNIX"), "y", "n"))
	set("LIB", true, is("UNIX"), "n")
	set("WIRELESS", is("NET"), false, when(is("NET"), "y", "n"))
	set("BUSY", is("NET"), false, when(is("NET"), "y", "n"))
	set("EXPERT", true, false, "n")
	set("IO", is("EXPERT"), false, "y")
	set("FRAGS", is("NET"), false, when(is("NET"), "17", "n"))
	set("CONG", false, false, when(is("NET"), "cubic|reno", "none"))
	set("FAST", true, false, when(lines["SLOW"] == "y", "n", "y"))
	if lines["SLOW"] == "y" {
		values["FAST"] = kconf.Value{Value: "n", Visible: kconf.Yes, Depends: kconf.Yes, Written: true}
	}
	set("SLOW", true, false, when(is("FAST"), "n", "y"))
	return values, err
}

func world(t *testing.T, config, request string) *explain.ConfigState {
	t.Helper()
	data, err := os.ReadFile("testdata/symbols")
	require.NoError(t, err)
	symbols, err := kconf.ParseSymbols(data)
	require.NoError(t, err)
	f, err := kconfigs.ParseFragment("b.config", []byte(request))
	require.NoError(t, err)
	values, err := play(t.Context(), []byte(config))
	require.NoError(t, err)
	return explain.NewConfigState(explain.NewTree(symbols, "x86_64"), values, kconfigs.Request{Settings: f.Settings})
}

const (
	without = "CONFIG_EXPERT=y\n# CONFIG_IO is not set\n"
	with    = "CONFIG_NET=y\nCONFIG_UNIX=y\n# CONFIG_WIRELESS is not set\nCONFIG_FRAGS=17\nCONFIG_SLOW=y\n"
)

func symbols(changes []configdiff.Change) string {
	var all []string
	for _, c := range changes {
		all = append(all, c.Symbol+"="+c.To)
	}
	return strings.Join(all, " ")
}

func TestLeaves(t *testing.T) {
	for name, c := range map[string]struct{ from, to, changes, leaves string }{
		"the same":         {with, with, "", ""},
		"one takes others": {with, "CONFIG_SLOW=y", "BUSY=n CONG=\"none\" FRAGS=n LIB=n NET=n OOB=n UNIX=n", "NET=n"},
		"a default that is not taken has to be said": {"", "CONFIG_NET=y\n# CONFIG_BUSY is not set\n# CONFIG_WIRELESS is not set\n",
			"CONG=\"cubic|reno\" FRAGS=17 NET=y", "NET=y"},
		"a default that is taken follows": {"", "CONFIG_NET=y", "BUSY=y CONG=\"cubic|reno\" FRAGS=17 NET=y WIRELESS=y", "NET=y"},
		"what is selected follows":        {"CONFIG_NET=y", "CONFIG_NET=y\nCONFIG_UNIX=y", "LIB=y OOB=y UNIX=y", "UNIX=y"},
		"what was selected and stays":     {"CONFIG_NET=y\nCONFIG_UNIX=y", "CONFIG_NET=y\nCONFIG_LIB=y", "OOB=n UNIX=n", "UNIX=n"},
		"one that is seen no more":        {without, "", "EXPERT=n IO=y", "EXPERT=n"},
		"one that was not to be seen":     {"", without, "EXPERT=y IO=n", "EXPERT=y IO=n"},
		"a number":                        {with, with + "CONFIG_LIB=y\n", "", ""},
		"another number":                  {"CONFIG_NET=y", "CONFIG_NET=y\nCONFIG_FRAGS=45", "FRAGS=45", "FRAGS=45"},
		"a choice":                        {"", "CONFIG_SLOW=y", "FAST=n SLOW=y", "SLOW=y"},
		"all at once": {without, with,
			"BUSY=y CONG=\"cubic|reno\" EXPERT=n FAST=n FRAGS=17 IO=y LIB=y NET=y OOB=y SLOW=y UNIX=y", "EXPERT=n NET=y SLOW=y UNIX=y"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := world(t, c.from, ""), world(t, c.to, "")
			d, err := configdiff.Between(t.Context(), a, b, play)
			require.NoError(t, err)
			assert.Equal(t, c.changes, symbols(d.Changes))
			assert.Equal(t, c.leaves, symbols(d.Leaves))
			assert.Empty(t, d.Left)
			checkWay(t, d, a, b, play)
		})
	}
}

// checkWay sets the leaves one after the other.
func checkWay(t *testing.T, d *configdiff.Delta, a, b *explain.ConfigState, settle configdiff.Settle) {
	t.Helper()
	var set []string
	for i := 0; ; i++ {
		got, err := settle(t.Context(), d.Config(set...))
		require.NoError(t, err)
		for name, v := range got {
			from, to, s := a.Values[name], b.Values[name], a.Symbol(name)
			if i == 0 && v.Value != from.Value {
				t.Errorf("%s is %s with no leaf, and not %s", name, v.Value, from.Value)
			}
			if i == len(d.Leaves) && v.Value != to.Value {
				t.Errorf("%s is %s with all leaves, and not %s", name, v.Value, to.Value)
			}
			if from.Value == "n" && to.Value == "n" && s.Choice == "" && v.Visible > kconf.No && v.Selected == kconf.No && v.Value != "n" {
				t.Errorf("%s is %s after %v, and n in both", name, v.Value, set)
			}
		}
		if i == len(d.Leaves) {
			return
		}
		set = append(set, d.Leaves[i].Symbol)
	}
}

func TestLeft(t *testing.T) {
	stubborn := func(ctx context.Context, config []byte) (map[string]kconf.Value, error) {
		v, err := play(ctx, config)
		v["LIB"] = kconf.Value{Value: "n", Visible: kconf.Yes}
		return v, err
	}
	d, err := configdiff.Between(t.Context(), world(t, "", ""), world(t, "CONFIG_LIB=y\nCONFIG_NET=y", ""), stubborn)
	require.NoError(t, err)
	assert.Equal(t, "LIB=y", symbols(d.Left))
	var b strings.Builder
	require.NoError(t, d.Divide().Write(&b, "a", "b", configdiff.Text{}))
	assert.Contains(t, b.String(), "a with 2 symbols changed still differs from b: LIB\n")
}

func TestBetweenTellsErrors(t *testing.T) {
	for after := range 4 {
		broken := errors.New("broken")
		n := 0
		_, err := configdiff.Between(t.Context(), world(t, without, ""), world(t, with, ""), func(ctx context.Context, config []byte) (map[string]kconf.Value, error) {
			if n++; n > after {
				return nil, broken
			}
			return play(ctx, config)
		})
		assert.ErrorIs(t, err, broken, after)
	}
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	write := func(from, to, request string, o configdiff.Text) {
		d, err := configdiff.Between(t.Context(), world(t, from, ""), world(t, to, request), play)
		require.NoError(t, err)
		require.NoError(t, d.Divide().Write(&b, "a", "b", o))
		b.WriteString("----\n")
	}
	asked := "CONFIG_NET=y\nCONFIG_UNIX=y\n\nCONFIG_BUSY=y\n"
	write(with, with, "", configdiff.Text{})
	write(with, with, "", configdiff.Text{Markdown: true})
	write(with, "CONFIG_SLOW=y", "# CONFIG_NET is not set\n", configdiff.Text{})
	for _, o := range []configdiff.Text{{}, {All: true}, {Markdown: true}, {Markdown: true, All: true}} {
		write(without, with, asked, o)
	}
	text, _, _ := strings.Cut(b.String(), "\n|") // Markdown is not broken
	for line := range strings.Lines(text) {
		assert.LessOrEqual(t, len(line), 101, line)
	}
	const golden = "testdata/written.txt"
	if *update {
		require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

func TestWriteFolds(t *testing.T) {
	v := &configdiff.Division{Differ: 60}
	for i := range 30 {
		r := configdiff.Root{Change: configdiff.Change{Symbol: "ROOT", From: "n", To: "y"}, Leaf: true}
		for range 30 - i {
			r.Followed = append(r.Followed, configdiff.Follower{Change: configdiff.Change{Symbol: "FOLLOWER", From: "n", To: "y"}, Why: "so"})
		}
		v.Asked = append(v.Asked, r)
	}
	var some, all strings.Builder
	require.NoError(t, v.Write(&some, "a", "b", configdiff.Text{}))
	require.NoError(t, v.Write(&all, "a", "b", configdiff.Text{All: true}))
	assert.Equal(t, 12, strings.Count(some.String(), "ROOT"))
	assert.Contains(t, some.String(), "FOLLOWER and 18 more\n")
	assert.Contains(t, some.String(), "\nand 18 more, with 171 that followed\n")
	assert.Equal(t, 30, strings.Count(all.String(), "ROOT"))
	assert.Equal(t, 465, strings.Count(all.String(), "    FOLLOWER n -> y: so\n"))
}

package explanation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers are those of five kernels: the second answers like the first, the third lacks the symbol,
// the fourth differs, and the last cannot be asked.
func answers() *Several {
	old := &Explanation{Explanation: explain.Explanation{
		Type: "bool", Prompt: "Networking", Places: []string{"net/Kconfig:6"}, Depends: `A && (B || C) && NAME = "x && y"`,
		Defaults: []string{"y (net/Kconfig:9)"}, SelectedBy: []explain.Link{{Symbol: "ONE", If: "TWO"}}, Help: "All of it.\n",
		Without: explain.Closure{Off: []string{"NET"}, Gone: []string{"INET", "NET"}, Parts: []explain.Count{{Dir: "net", Symbols: 2}}},
	}}
	moved, last := *old, *old
	moved.Places, moved.Defaults = []string{"net/Kconfig:7"}, []string{"y (net/Kconfig:10)"}
	last.Depends, last.SelectedBy, last.Type = `A && NAME = "x && y" && NEW`, nil, "tristate"
	return &Several{
		Kernels: []Kernel{{Name: "6.1"}, {Name: "6.12"}, {Name: "6.12-arm64"}, {Name: "7.3"}, {Name: "9.9", Error: "there is no such source"}},
		Symbols: []Symbol{{Symbol: "NET", Answers: []*Explanation{old, &moved, nil, &last, nil}, Absent: []string{"", "", "no Kconfig file defines it", "", ""}}},
	}
}

func TestSheet(t *testing.T) {
	all := answers()
	text := func(width int) string {
		var b strings.Builder
		all.sheet(&all.Symbols[0]).write(&b, width)
		return b.String()
	}
	assert.Equal(t, `NET
               6.1, 6.12                6.12-arm64               7.3                      9.9
* no answer                             no Kconfig file                                   there is no such
                                          defines it                                        source
* type         bool                                              tristate
* depends on   (B || C)                                          NEW
* selected by  ONE if TWO                                        -
  prompt       Networking
  defined      net/Kconfig
  depends on   A && NAME = "x && y"
  default      y (net/Kconfig)
  without it   1 more can never be set, net 2

    All of it.
`, text(115))
	assert.Equal(t, `NET
* no answer
    6.12-arm64: no Kconfig file
      defines it
    9.9: there is no such source
* type
    6.1, 6.12: bool
    7.3: tristate
* depends on
    6.1, 6.12: (B || C)
    7.3: NEW
* selected by
    6.1, 6.12: ONE if TWO
    7.3: -
  prompt       Networking
  defined      net/Kconfig
  depends on   A && NAME = "x && y"
  default      y (net/Kconfig)
  without it   1 more can never be set,
               net 2

    All of it.
`, text(40))
	assert.Equal(t, []string{"type", "depends on", "selected by"}, all.sheet(&all.Symbols[0]).differing(), "line numbers do not count")
	same := sheet{title: "NET", heads: []string{"6.1", "6.12"}, none: []string{"", ""}, rows: []row{{label: "type", cells: [][]string{{"bool"}, {"bool"}}}}}
	var b strings.Builder
	same.write(&b, 0)
	assert.Equal(t, "NET (the same on 6.1, 6.12)\n  type         bool\n", b.String())
}

// Some of the kernels with different answers may agree in one.
func TestSheetSaysOnce(t *testing.T) {
	three := sheet{title: "NET", heads: []string{"a", "b", "c"}, none: make([]string, 3), rows: []row{
		{label: "type", cells: [][]string{{"bool"}, {"tristate"}, {"bool"}}}, {label: "value", cells: [][]string{{"n"}, {"n"}, {"y"}}},
	}}
	var b strings.Builder
	three.write(&b, 90)
	assert.Equal(t, `NET
               a                        b                        c
* type         bool                     tristate                 as on a
* value        n                        as on a                  y
`, b.String())
	many := row{label: "selects", cells: [][]string{strings.Split("a b c d e f g h i j k l m n", " "), nil}}
	b.Reset()
	sheet{title: "NET", heads: []string{"a", "b"}, none: make([]string, 2), rows: []row{many}}.write(&b, 30)
	assert.Contains(t, b.String(), "      l\n      and 2 more; --json has\n      all\n    b: -\n")
}

// Without NET three kernels lose 20,000 symbols each. Comparing each item with each took ten minutes.
func TestSheetOfManyItems(t *testing.T) {
	many := row{label: "gone", cells: make([][]string, 3)}
	for i := range 20_000 {
		for n := range many.cells {
			many.cells[n] = append(many.cells[n], fmt.Sprintf("SYMBOL_%d (net/Kconfig:%d)", i, i+n))
		}
	}
	many.cells[1] = append(many.cells[1], "MORE")
	start := time.Now()
	common, others := many.split([]group{{first: 0}, {first: 1}}, make([]string, 3))
	assert.Less(t, time.Since(start), 10*time.Second)
	assert.Len(t, common, 20_000)
	assert.Equal(t, "SYMBOL_19999 (net/Kconfig)", common[19_999])
	assert.Equal(t, [][]string{nil, {"MORE"}}, others)
}

// What takes long without looking at the context does not delay the end.
func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	never := make(chan struct{})
	defer close(never)
	_, err := soon(ctx, func() (int, error) {
		stop()
		<-never
		return 0, nil
	})
	assert.ErrorIs(t, err, context.Canceled)
	found, err := soon(t.Context(), func() (int, error) { return 1, nil })
	assert.NoError(t, err)
	assert.Equal(t, 1, found)
}

func TestKernelsThatCannotBeAsked(t *testing.T) {
	none := func(context.Context) (*kbuild.Builder, error) { return nil, errors.New("no source") }
	found, err := explainSeveral(t.Context(), question{args: []string{"NET"}}, []Kernel{{Name: "6.1", open: none}, {Name: "7.3", open: none}})
	assert.Nil(t, found)
	require.EqualError(t, err, "asking 6.1: no source\nasking 7.3: no source")
	_, err = Explain(t.Context(), Options{Args: []string{"NET"}, Against: "no-such"})
	assert.ErrorContains(t, err, `no such profile: "no-such"`)
}

func TestFactors(t *testing.T) {
	assert.Equal(t, []string{"A", `B != "a && ("`, "(C && D || E)", "!F"}, factors(`A && B != "a && (" && (C && D || E) && !F`))
	assert.Equal(t, []string{"A || B"}, factors("A || B"))
}

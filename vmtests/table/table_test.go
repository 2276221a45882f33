package table

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func written(t *testing.T, table Table, f Format) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, table.Write(&b, f))
	return b.String()
}

func sample() Table {
	t := Table{
		Title: "Speeds <1>", Head: []string{"", "median", "95 %"}, Right: true,
		Notes: []string{"one note", "another | note"}, Value: map[string]any{"rows": 3, "text": "\u202e"},
	}
	t.Add("pipe", "9.1", "9 to 10")
	t.Add("udp_4", "absent, EAFNOSUPPORT")
	t.Add("heading of more than a column")
	return t
}

func TestText(t *testing.T) {
	assert.Equal(t, `Speeds <1>

       median     95 %
pipe      9.1  9 to 10
udp_4  absent, EAFNOSUPPORT
heading of more than a column

one note
another | note
`, written(t, sample(), Format{}))
	assert.Equal(t, "only notes\n", written(t, Table{Notes: []string{"only notes"}}, Format{}))
	one := Table{}
	one.Add("a", "b")
	assert.Equal(t, "a  b\n", written(t, one, Format{}))
}

func TestMarkdown(t *testing.T) {
	assert.Equal(t, `Speeds &lt;1&gt;

| | median | 95 % |
|---|---:|---:|
| pipe | 9.1 | 9 to 10 |
| udp\_4 | absent, EAFNOSUPPORT | |
| heading of more than a column | | |

one note

another \| note
`, written(t, sample(), Format{Markdown: true, Width: 10}))
}

func TestJSON(t *testing.T) {
	assert.Equal(t, "{\n  \"rows\": 3,\n  \"text\": \"\\u202e\"\n}\n", written(t, sample(), Format{JSON: true, Markdown: true}))
}

// Columns that do not fit are written below the others, and a first cell that is too long below
// its row.
func TestWidth(t *testing.T) {
	wide := Table{Head: []string{"", "first", "second", "third"}}
	wide.Rows = []Row{
		{Cells: []Cell{{Text: "one, two, three, four, five, six"}, {Text: "works"}, {Text: "ENOSYS", Mark: Bad}, {Text: "works"}}, Short: "6 probes"},
		{Cells: []Cell{{Text: "seven"}, {Text: "works"}, {Text: "works"}, {Text: "works"}}, Dim: true},
	}
	wide.Notes = []string{"a note that is longer than that"}
	assert.Equal(t, `                                  first  second  third
one, two, three, four, five, six  works  ENOSYS  works
seven                             works  works   works

a note that is longer than that
`, written(t, wide, Format{}))
	assert.Equal(t, `          first  second
6 probes  works  ENOSYS
    one, two, three,
    four, five, six
seven     works  works

          third
6 probes  works
    one, two, three,
    four, five, six
seven     works

a note that is longer
  than that
`, written(t, wide, Format{Width: 23}))
	coloured := written(t, wide, Format{Colour: true})
	assert.Contains(t, coloured, red+"ENOSYS"+off)
	assert.Contains(t, coloured, dim+"works "+off)
}

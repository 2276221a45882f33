package report

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain text, ünïcode 語": "plain text, ünïcode 語",
		"a\tb\nc\r":             `a\tb\nc\x0d`,
		"\x1b[31mred\x07\x7f":   `\x1b[31mred\x07\x7f`,
		"\u009b2J":              `\u009b2J`,
		"a\u202egnp.exe\u2066":  `a\u202egnp.exe\u2066`,
		"zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
		"e\u0301\u0301":         `e\u0301\u0301`,
		"line\u2028sep":         `line\u2028sep`,
		"no UTF-8 \xff\xc3":     `no UTF-8 \xff\xc3`,
		"tag \U000e0041":        `tag \U000e0041`,
		"":                      "",
	} {
		assert.Equal(t, want, Escape(in, 100))
	}
}

func TestEscapeCutsAndTells(t *testing.T) {
	assert.Equal(t, "12345", Escape("12345", 5))
	assert.Equal(t, "12345... (1 more bytes)", Escape("123456", 5))
	assert.Equal(t, "ää... (4 more bytes)", Escape("ääää", 2))
	assert.Equal(t, "... (3 more bytes)", Escape("abc", 0))
}

func FuzzEscape(f *testing.F) {
	for _, records := range corpus(f) {
		for _, r := range records {
			f.Add(r.Reason, 60)
			for _, n := range r.Notices {
				f.Add(n, 80)
			}
		}
	}
	f.Add("a\x1b[0m\u202e\xff", 3)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 0 || limit > 1000 {
			return
		}
		out := Escape(s, limit)
		require.True(t, utf8.ValidString(out))
		for _, r := range out {
			require.True(t, unicode.IsPrint(r), "%U", r)
		}
		// An escape has at most ten characters, and the note about a cut a few more.
		require.LessOrEqual(t, utf8.RuneCountInString(out), 10*limit+40)
		require.Equal(t, out, Escape(out, len(out)), "what is escaped stays as it is")
	})
}

// The JSON of records is ASCII and decodes to the same records.
func TestJSONOfRecords(t *testing.T) {
	for name, records := range corpus(t) {
		var b strings.Builder
		require.NoError(t, table.JSON(&b, records))
		for _, r := range b.String() {
			require.True(t, r == '\n' || r >= ' ' && r < 0x7f, "%s has %U", name, r)
		}
		var again []record.Record
		require.NoError(t, json.Unmarshal([]byte(b.String()), &again))
		assert.Equal(t, records, again, name)
	}
	var b strings.Builder
	require.NoError(t, table.JSON(&b, "\U0001f600\u202e"))
	assert.Equal(t, `"\ud83d\ude00\u202e"`+"\n", b.String())
}

package report

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/table"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// corpus returns the records of every results file in testdata, by its name.
func corpus(t testing.TB) map[string][]record.Record { return load(t, "testdata/*.jsonl") }

func load(t testing.TB, pattern string) map[string][]record.Record {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string][]record.Record{}
	for _, file := range files {
		results, err := record.Store{Path: file}.Open()
		require.NoError(t, err)
		require.Empty(t, results.Damage, file)
		require.NoError(t, results.Close())
		all[strings.TrimSuffix(filepath.Base(file), ".jsonl")] = results.Records
	}
	return all
}

// formats are the output formats of records, by suffix of golden file.
func formats() map[string]func(*strings.Builder, []record.Record) error {
	write := func(o TableOptions) func(*strings.Builder, []record.Record) error {
		return func(b *strings.Builder, rs []record.Record) error { return Table(b, rs, o) }
	}
	return map[string]func(*strings.Builder, []record.Record) error{
		"default":  write(TableOptions{}),
		"80":       write(TableOptions{Format: table.Format{Width: 80}}),
		"all":      write(TableOptions{All: true}),
		"colour":   write(TableOptions{Format: table.Format{Colour: true}}),
		"markdown": write(TableOptions{Format: table.Format{Markdown: true}}),
		"summary": func(b *strings.Builder, rs []record.Record) error {
			b.WriteString(strings.Join(sentences(rs), "\n") + "\n")
			return nil
		},
		"show": func(b *strings.Builder, rs []record.Record) error {
			return Show(b, rs[len(rs)-1], "")
		},
	}
}

func TestGolden(t *testing.T) {
	for name, records := range corpus(t) {
		for suffix, write := range formats() {
			t.Run(name+"/"+suffix, func(t *testing.T) {
				var b strings.Builder
				require.NoError(t, write(&b, records))
				golden := filepath.Join("testdata", name+"."+suffix+".golden")
				if *update {
					require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
				}
				want, err := os.ReadFile(golden)
				require.NoError(t, err)
				assert.Equal(t, string(want), b.String())
			})
		}
	}
}

// Text from a guest must not act on the terminal in any format. Our own colours are removed
// first.
func TestNothingActsOnTheTerminal(t *testing.T) {
	colours := regexp.MustCompile(`\x1b\[[0-9]*m`)
	for name, records := range corpus(t) {
		for suffix, write := range formats() {
			var b strings.Builder
			require.NoError(t, write(&b, records))
			for _, r := range colours.ReplaceAllString(b.String(), "") {
				require.True(t, r == '\n' || unicode.IsPrint(r), "%s/%s has %U", name, suffix, r)
			}
		}
	}
}

func TestTableKeepsToItsWidth(t *testing.T) {
	for name, records := range runs(t) {
		for _, width := range []int{60, 80, 100, 120, 200} {
			var b strings.Builder
			require.NoError(t, Table(&b, records, TableOptions{Format: table.Format{Width: width}}))
			for line := range strings.Lines(b.String()) {
				assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), width, "%s: %s", name, line)
			}
		}
	}
}

func TestTableHidesNothing(t *testing.T) {
	for name, records := range runs(t) {
		for _, o := range []TableOptions{{All: true}, {All: true, Format: table.Format{Width: 40}}, {Format: table.Format{Markdown: true}}} {
			var b strings.Builder
			require.NoError(t, Table(&b, records, o))
			for _, r := range records {
				assert.Contains(t, b.String(), outcomeCell(r).Text, "%s: outcome of %s", name, r.ID)
				for _, id := range Probes(r) {
					if Escape(id, 100) != id {
						continue
					}
					_, rest, ok := strings.Cut(id, "/")
					if !ok {
						rest = id
					}
					assert.Contains(t, b.String(), rest, "%s: probe %s", name, id)
				}
			}
		}
	}
}

func TestTableOfNothing(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Table(&b, nil, TableOptions{}))
	assert.Equal(t, "no boots are recorded\n", b.String())
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "-", 0: "-", 1 << 10: "1 KiB", 1000 << 10: "1000 KiB", 1 << 20: "1.00 MiB", 3288064: "3.14 MiB",
	} {
		assert.Equal(t, want, Size(n))
	}
}

// A table says of what its kernels are, unless they are the usual ones, or its heads do.
func TestTableNamesTheVariant(t *testing.T) {
	o := TableOptions{Usual: "6.6"}
	usual := record.Record{ID: "r/full", Profile: "full", Series: o.Usual}
	other, old := usual, usual
	other.Arch, old.Series = "arm64", "0.1"
	said := func(all ...record.Record) string {
		var b strings.Builder
		require.NoError(t, Table(&b, all, o))
		return b.String()
	}
	assert.NotContains(t, said(usual), o.Usual)
	assert.Regexp(t, `^ +full\nLinux +6\.6-arm64\noutcome`, said(other))
	assert.Regexp(t, `^ +full@6\.6 +full@0\.1\noutcome`, said(usual, old))
	assert.Equal(t, []string{"full", "full@6.6-arm64", "full@0.1"}, []string{o.Name(usual), o.Name(other), o.Name(old)})
}

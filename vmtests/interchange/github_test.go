package interchange

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
)

// many returns records that need more room than a summary has.
func many() (all []record.Record) {
	for i := range 16 {
		r := record.Record{ID: fmt.Sprintf("r/k%d", i), Run: "r", Profile: fmt.Sprintf("k%d", i), Series: "6.12", Outcome: record.Panicked, Reason: "<"}
		for n := range 250 {
			r.Findings = append(r.Findings, wire.Finding{ID: fmt.Sprintf("%s/%d", strings.Repeat("_", 30), n), Verdict: wire.Absent, Errno: "ENOSYS"})
		}
		all = append(all, r)
	}
	return all
}

// GitHub drops a summary of more than 1 MiB as a whole, so a part is left out, which the summary says.
func TestSummaryIsBounded(t *testing.T) {
	kernels, err := judge(expect.Files{}, many())
	require.NoError(t, err)
	for _, limit := range []int{20_000, 50_000} {
		data, err := writeMarkdown(kernels, limit)
		require.NoError(t, err)
		text := string(data)
		assert.LessOrEqual(t, len(text), limit)
		assert.Greater(t, len(text), limit/2)
		assert.Contains(t, text, "## netstrip: 16 kernels not as expected\n")
		assert.Regexp(t, `\n\nLeft out for length: the last \d+ of \d+ lines of the table\.\n$`, text)
		assert.Equal(t, strings.Count(text, "<details>"), strings.Count(text, "</details>"))
		assert.Less(t, strings.Index(text, "### Not as expected"), strings.Index(text, "<details>"), "differences first")
	}
}

// Steps share a summary: each adds to it what there is room for.
func TestSummarize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	w := Workflow{Summary: path}
	require.NoError(t, w.Summarize(sample()))
	once, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, w.Summarize(sample()))
	twice, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(once)+string(once), string(twice))

	require.NoError(t, os.WriteFile(path, make([]byte, summaryBytes-50_000), 0o644))
	require.NoError(t, w.Summarize(many()))
	require.NoError(t, w.Summarize(many()))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.LessOrEqual(t, info.Size(), int64(summaryBytes))
	assert.Greater(t, info.Size(), int64(summaryBytes-50_000))

	assert.NoError(t, Workflow{}.Summarize(sample()), "elsewhere there is none")
	assert.ErrorContains(t, Workflow{Summary: t.TempDir()}.Summarize(nil), "which GITHUB_STEP_SUMMARY names")
}

// GitHub reads a workflow command up to the end of a line, so text from a file must not begin another.
func TestAnnotations(t *testing.T) {
	problem := func(file string, line int, symbol, text string) error {
		return &kconfigs.RequestError{Problems: []kconfigs.Problem{{File: file, Line: line, Symbol: symbol, Text: text}}}
	}
	err := fmt.Errorf("reading: %w", errors.Join(
		problem("mine.config", 3, "NET", "lacks 100%\n::error::forged\x1b[2J"),
		problem("/repo/a,b:c\n::warning::x", 0, "", "empty"),
		problem("/elsewhere/x.config", 1, "", "outside"),
		problem("", 0, "", "no such profile"),
		errors.New("something else")))
	w := Workflow{Annotates: true, Workspace: "/repo", Dir: "/repo/sub"}
	assert.Equal(t, `::error file=sub/mine.config,line=3::CONFIG_NET: lacks 100%25\n::error::forged\x1b[2J
::error file=a%2Cb%3Ac%0A%3A%3Awarning%3A%3Ax::empty
::error file=/elsewhere/x.config,line=1::outside
::error::no such profile
`, w.Annotations(err))
	assert.Empty(t, Workflow{}.Annotations(err), "elsewhere nobody reads them")
	assert.Empty(t, w.Annotations(nil))
	assert.Empty(t, w.Annotations(errors.New("the rig")))
	var list []error
	for range 30 {
		list = append(list, err)
	}
	assert.Equal(t, maxAnnotations, strings.Count(w.Annotations(errors.Join(list...)), "\n"))
}

func TestThisWorkflow(t *testing.T) {
	t.Setenv("GITHUB_STEP_SUMMARY", "summary.md")
	t.Setenv("GITHUB_WORKSPACE", "/repo")
	t.Setenv("GITHUB_ACTIONS", "")
	assert.Equal(t, Workflow{}, ThisWorkflow(), "a variable that is left over")
	t.Setenv("GITHUB_ACTIONS", "true")
	w := ThisWorkflow()
	assert.True(t, w.Annotates)
	assert.Equal(t, []string{"summary.md", "/repo"}, []string{w.Summary, w.Workspace})
	assert.True(t, filepath.IsAbs(w.Dir))
}

// A file is whole or what it was, and the error says what to do.
func TestWrite(t *testing.T) {
	t.Setenv("GITHUB_ACTIONS", "")
	dir := t.TempDir()
	f := Files{JUnit: filepath.Join(dir, "r.xml"), KTAP: "-"}
	var stdout strings.Builder
	require.NoError(t, f.Check(Others{Results: filepath.Join(dir, "r.jsonl")}))
	require.NoError(t, f.Write(&stdout, sample()))
	assert.True(t, f.Standard())
	assert.True(t, strings.HasPrefix(stdout.String(), "KTAP version 1\n1..7\n"))
	data, err := os.ReadFile(f.JUnit)
	require.NoError(t, err)
	want, err := JUnit(sample())
	require.NoError(t, err)
	assert.Equal(t, string(want), string(data))
	results := filepath.Join(dir, "r.jsonl")
	require.NoError(t, os.WriteFile(results, nil, 0o644))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(results, link))
	for _, one := range []struct {
		f      Files
		others Others
		want   string
	}{
		{Files{KCIDB: dir}, Others{}, "--kcidb " + dir + " is a directory: name a file"},
		{Files{}, Others{Page: dir}, "--output " + dir + " is a directory: name a file"},
		{Files{KTAP: "-", JUnit: "-"}, Others{}, "--junit and --ktap both write to standard output: name a file"},
		{Files{KTAP: "-"}, Others{JSON: true}, "--json and --ktap both write to standard output: name a file"},
		{Files{KTAP: "-"}, Others{Page: "-"}, "--output and --ktap both write to standard output: name a file"},
		{Files{KTAP: dir + "/none/x"}, Others{}, "--ktap " + dir + "/none/x: the directory " + dir + "/none does not exist: make it first"},
		{Files{JUnit: results}, Others{Results: results}, "--junit " + results + " is the results file, which it would replace: name another"},
		{Files{}, Others{Results: results, Page: link}, "--output " + link + " is the results file, which it would replace: name another"},
		{Files{JUnit: dir + "/s", KTAP: dir + "/./s"}, Others{}, "--junit and --ktap both write " + dir + "/./s: name another file"},
	} {
		assert.EqualError(t, one.f.Check(one.others), one.want)
	}
	assert.NoError(t, Files{JUnit: os.DevNull, KTAP: os.DevNull}.Check(Others{}))
	assert.False(t, Files{JUnit: "x"}.Standard())
	err = Files{Markdown: dir}.Write(&stdout, nil)
	assert.ErrorContains(t, err, "--markdown: writing "+dir)
}

package vmtests

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
)

// files are the current expectations, not those compiled into this test.
var files = expect.Files{FS: os.DirFS("expect")}

// expectationPath returns the path of the expectation of a record's probes in package expect.
func expectationPath(r record.Record) string {
	name := r.Profile
	if strings.HasPrefix(r.Probes, wire.PerfFamily+"/") {
		name = wire.PerfFamily + "/" + name
	}
	return filepath.Join("testdata", r.Variant(), name+".txt")
}

// rewrite writes the expectation of a record. For a boot into an init it leaves out what is
// expected of the kernel anyway.
func rewrite(t *testing.T, r record.Record) {
	t.Helper()
	if r.Init != "" {
		usual := r
		usual.Profile, usual.Init = r.Ref().Profile(), ""
		devs, err := files.Deviations(usual)
		require.NoError(t, err)
		r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f wire.Finding) bool {
			return !slices.ContainsFunc(devs, func(d expect.Deviation) bool { return d.Probe == f.ID })
		})
	}
	text, err := expectation(r)
	require.NoError(t, err)
	path := filepath.Join("expect", expectationPath(r))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// expectation returns what a record found as the text of an expectation: one line for each
// probe, sorted and in columns, so that diffs are easy to read. Inconclusive findings are an error.
func expectation(r record.Record) (string, error) {
	if r.Outcome.RigFault() {
		return "", fmt.Errorf("%s: %s is an infrastructure failure: %s", r.Profile, r.Outcome, r.Reason)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# What every probe must find on %s %s: probe, verdict, errno, value, deciding call.\n", r.Variant(), r.Profile)
	if r.Init != "" {
		fmt.Fprintf(&b, "# The others find what they find on %s.\n", r.Ref().Profile())
	}
	fmt.Fprintf(&b, "# Written by: make update\noutcome %s\n", r.Outcome)
	if r.Init != "" && r.Outcome != record.Completed && len(r.Said) > 0 {
		fmt.Fprintf(&b, "said %s\n", strings.Join(r.Said, "; "))
	}
	// Fixed widths, so that a diff of two expectations shows only what differs.
	width := [4]int{24, len(wire.Absent), len("EAFNOSUPPORT"), len("UP|LOOPBACK|RUNNING")}
	var rows [][]string
	for _, f := range slices.SortedFunc(slices.Values(r.Findings), func(a, b wire.Finding) int { return strings.Compare(a.ID, b.ID) }) {
		if f.Verdict == wire.Inconclusive || f.Verdict == "" {
			return "", fmt.Errorf("%s: %s is inconclusive: %s", r.Profile, f.ID, f.Detail)
		}
		row := append([]string{f.ID}, expect.Fields(f)...)
		for i := range width {
			width[i] = max(width[i], len(row[i]))
		}
		rows = append(rows, row)
	}
	for _, row := range rows {
		fmt.Fprintf(&b, "%-*s  %-*s  %-*s  %-*s  %s\n",
			width[0], row[0], width[1], row[1], width[2], row[2], width[3], row[3], row[4])
	}
	return b.String(), nil
}

// A record meets the expectation written from it, whatever is in its values.
func TestExpectationsAreReadBack(t *testing.T) {
	r := record.Record{Profile: "p", Series: "6.12", Outcome: record.Completed, Findings: []wire.Finding{
		{ID: "socket/tcp4/loopback", Verdict: wire.Absent, Errno: "ENOSYS", Call: "socket(AF_INET, SOCK_STREAM)"},
	}}
	for i, value := range []string{"", "-", "--", "-1", "a-", "-256 of 256-", "256 of 256", `"`, `say "a b"`, `a\b`, " ", "a\tb", "a\nb", "a\u00a0b", "127.0.0.1,::1"} {
		for j, call := range []string{"", "socket(AF_INET, SOCK_STREAM)", "/proc/net/-"} {
			r.Findings = append(r.Findings, wire.Finding{ID: fmt.Sprintf("lo/%d-%d", i, j), Verdict: wire.Works, Value: value, Call: call})
		}
	}
	hung := record.Record{Profile: "p/x", Series: "6.12", Outcome: record.Hung, Init: "x", Said: []string{"x[1]: no socket", "Freezing."}}
	for _, r := range []record.Record{r, hung} {
		text, err := expectation(r)
		require.NoError(t, err)
		written := expect.Files{FS: fstest.MapFS{expectationPath(r): {Data: []byte(text)}}}
		devs, err := written.Deviations(r)
		require.NoError(t, err, text)
		assert.Empty(t, devs, text)
		for i := range r.Findings {
			changed := r
			changed.Findings = slices.Clone(r.Findings)
			changed.Findings[i].Value += "x"
			devs, err := written.Deviations(changed)
			require.NoError(t, err)
			assert.Len(t, devs, 1, r.Findings[i].ID)
		}
	}
}

func TestExpectationRefusesTheInconclusive(t *testing.T) {
	r := record.Record{Profile: "p", Outcome: record.Completed, Findings: []wire.Finding{
		{ID: "socket/tcp4/loopback", Verdict: wire.Inconclusive, Detail: "it hung"},
	}}
	_, err := expectation(r)
	assert.EqualError(t, err, "p: socket/tcp4/loopback is inconclusive: it hung")
	r.Outcome, r.Reason = record.QEMUFailed, "no disk"
	_, err = expectation(r)
	assert.EqualError(t, err, "p: qemu-failed is an infrastructure failure: no disk")
}

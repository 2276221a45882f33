package results

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExceeding(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	runs := []Run{{"a", now.Add(-48 * time.Hour), 10}, {"b", time.Time{}, 20}, {"c", now, 30}}
	for _, c := range []struct {
		limits Limits
		gone   string
	}{
		{Limits{}, ""}, {Limits{Last: 3}, ""}, {Limits{Last: 1}, "ab"}, {Limits{OlderThan: 24 * time.Hour}, "a"},
		{Limits{Bytes: 60}, ""}, {Limits{Bytes: 50}, "a"}, {Limits{Bytes: 49}, "ab"}, {Limits{Bytes: 1}, "abc"},
	} {
		gone := ""
		for _, r := range runs {
			if c.limits.exceeding(runs, now)[r.Run] {
				gone += r.Run
			}
		}
		assert.Equal(t, c.gone, gone, "%+v", c.limits)
	}
}

func TestPrune(t *testing.T) {
	store := record.Store{Path: filepath.Join(t.TempDir(), "r.jsonl")}
	_, err := Limits{}.Prune(t.Context(), store)
	require.ErrorAs(t, err, &usage.Error{}, "a prune without a limit would remove nothing")
	_, err = Limits{Last: 1}.Prune(t.Context(), store)
	require.ErrorAs(t, err, &usage.Error{})
	for _, run := range []string{"r1", "r2"} {
		require.NoError(t, store.Append(t.Context(), record.Record{ID: run + "/full", Run: run, Profile: "full", Outcome: record.Completed}))
	}
	lines, err := Limits{Last: 1, DryRun: true}.Prune(t.Context(), store)
	require.NoError(t, err)
	require.Len(t, lines, 2)
	assert.Regexp(t, `^would remove r1: 0\.\d KiB$`, lines[0])
	assert.Equal(t, "would remove 1 of 2 runs", lines[1])
	lines, err = Limits{Last: 1}.Prune(t.Context(), store)
	require.NoError(t, err)
	assert.Equal(t, "removed 1 of 2 runs", lines[1])
	runs, err := Runs(store.Path)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	assert.Equal(t, "r2", runs[0].Run)
	assert.NotNil(t, runs[0].Cells())
}

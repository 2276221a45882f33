package record

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// at returns a record of a run at a minute.
func at(minute int, run, profile string) Record {
	return Record{
		ID: run + "/" + profile, Run: run, Profile: profile,
		Time: time.Date(2026, 3, 1, 10, minute, 0, 0, time.UTC),
	}
}

func ids(records []Record) []string {
	var ids []string
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestByRun(t *testing.T) {
	runs := ByRun([]Record{at(9, "r2", "full"), at(1, "r1", "full"), at(10, "r2", "no-net")})
	require.Len(t, runs, 2)
	assert.Equal(t, []string{"r1/full"}, ids(runs[0]))
	assert.Equal(t, []string{"r2/full", "r2/no-net"}, ids(runs[1]))
	assert.Empty(t, ByRun(nil))
}

func TestLatestGoesByTimeAndKeepsTheOrder(t *testing.T) {
	got := Latest([]Record{at(5, "r2", "full"), at(6, "r2", "no-net"), at(1, "r1", "full"), at(6, "r3", "no-net")})
	assert.Equal(t, []string{"r2/full", "r3/no-net"}, ids(got))
}

// A boot with chosen probes does not replace older answers of the others.
func TestLatestKeepsChoicesOfProbesApart(t *testing.T) {
	some := at(7, "r3", "full")
	some.Probes = "perf/*"
	records := []Record{at(5, "r2", "full"), some, at(6, "r4", "full")}
	assert.Equal(t, []string{"r4/full", "r3/full"}, ids(Latest(records)))
	assert.Equal(t, []string{"r3/full"}, ids(Find(records, "full")), "the newest of all")
}

func TestFind(t *testing.T) {
	records := []Record{at(1, "r1", "full"), at(2, "r1", "no-net"), at(3, "r2", "full")}
	for ref, want := range map[string][]string{
		"r1/no-net": {"r1/no-net"},
		"r1":        {"r1/full", "r1/no-net"},
		"full":      {"r2/full"},
		"nothing":   nil,
		"":          nil,
	} {
		assert.Equal(t, want, ids(Find(records, ref)), "ref %q", ref)
	}
}

package vmtests

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/record"
)

func TestWorkers(t *testing.T) {
	for _, tc := range []struct{ jobs, boots, processors, guest, available, want int }{
		{2, 8, 1, 256, 20000, 2},
		{8, 3, 1, 256, 20000, 3},
		{8, 8, 1, 256, 1000, 2}, // 448 MiB each
		{8, 8, 1, 2048, 1000, 1},
		{4, 4, 1, 256, 0, 4}, // nobody knows
		{2, 0, 1, 256, 20000, 1},
		{8, 8, 2, 256, 20000, 4},
		{3, 8, 2, 256, 20000, 1},
		{1, 8, 2, 256, 20000, 1},
	} {
		assert.Equal(t, tc.want, workers(tc.jobs, tc.boots, tc.processors, tc.guest, tc.available), tc)
	}
}

func TestAvailableMiB(t *testing.T) {
	assert.Equal(t, 8000, availableMiB(strings.NewReader("MemTotal:       16384000 kB\nMemFree:  1 kB\nMemAvailable:    8192000 kB\n")))
	assert.Zero(t, availableMiB(strings.NewReader("MemTotal: 1 kB\n")))
}

func TestLongestFirst(t *testing.T) {
	var subjects []subject
	for _, name := range strings.Fields("quick new slow middling new2") {
		subjects = append(subjects, subject{Profile: kconfigs.Profile{Name: name}})
	}
	took := map[string]float64{"quick": 1, "slow": 9, "middling": 4}
	assert.Equal(t, []int{1, 4, 2, 3, 0}, longestFirst(subjects, took))
	assert.Equal(t, []int{0, 1, 2, 3, 4}, longestFirst(subjects, nil))
}

func TestTimesAreKept(t *testing.T) {
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	r := &Rig{cache: c}
	assert.Empty(t, r.earlierTimes("tcg"))
	rec := func(profile string, o record.Outcome, exit float64) record.Record {
		return record.Record{Profile: profile, Outcome: o, Phases: record.Phases{Exit: exit}}
	}
	require.NoError(t, r.keepTimes("tcg", []record.Record{rec("full", record.Completed, 2), rec("no-inet", record.Hung, 60)}))
	require.NoError(t, r.keepTimes("tcg", []record.Record{rec("full+apps", record.Completed, 300), rec("full+mine", record.Completed, 9)}))
	assert.Equal(t, map[string]float64{"full": 2, "full+apps": 300}, r.earlierTimes("tcg"))
	assert.Empty(t, r.earlierTimes("kvm"))

	r.opts = Options{Jobs: 2, MemoryMiB: 1}
	p := parts{accel: accel.Choice{Name: "tcg"}}
	twice := r.subjects([]kconfigs.Profile{{Name: "full"}, {Name: "full+apps"}, {Name: "full"}, {Name: "full+apps"}}, nil)
	order, atOnce := r.order(p, twice)
	assert.Equal(t, []int{1, 3, 0, 2}, order, "full+apps is the slower")
	assert.Equal(t, 2, atOnce)
	r.opts.InTurn = true
	order, atOnce = r.order(p, twice)
	assert.Equal(t, []int{0, 1, 2, 3}, order)
	assert.Equal(t, 1, atOnce)
}

// What a kernel answers must not depend on when it was booted, or beside which.
func TestOrderDoesNotMatter(t *testing.T) {
	rig := newTestRig(t)
	profiles := kconfigs.Ladder()
	rand.Shuffle(len(profiles), func(i, j int) { profiles[i], profiles[j] = profiles[j], profiles[i] })
	records, err := rig.Run(t.Context(), profiles)
	require.NoError(t, err)
	for i, r := range records {
		assert.Equal(t, profiles[i].Name, r.Profile, "records come in the order of the profiles")
		deviations, err := Deviations(r)
		require.NoError(t, err)
		assert.Empty(t, deviations, "%s, booted in the order %v", r.Profile, names(profiles))
	}
}

func names(profiles []kconfigs.Profile) []string {
	var out []string
	for _, p := range profiles {
		out = append(out, p.Name)
	}
	return out
}

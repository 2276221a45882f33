package run

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/accel"
	"github.com/netstrip/netstrip/vmtests/record"
)

func TestWorkers(t *testing.T) {
	for _, tc := range []struct{ jobs, boots, processors, guest, available, want int }{
		{2, 8, 1, 256, 20000, 2},
		{8, 3, 1, 256, 20000, 3},
		{8, 8, 1, 256, 1000, 2}, // 448 MiB each
		{8, 8, 1, 2048, 1000, 1},
		{4, 4, 1, 256, 0, 4}, // unknown
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
	var targets []target
	for _, name := range strings.Fields("quick new slow middling new2") {
		targets = append(targets, target{Profile: kconfigs.Profile{Name: name}})
	}
	took := map[string]float64{"quick": 1, "slow": 9, "middling": 4}
	assert.Equal(t, []int{1, 4, 2, 3, 0}, longestFirst(targets, took, strings.ToLower))
	assert.Equal(t, []int{0, 1, 2, 3, 4}, longestFirst(targets, nil, strings.ToLower))
}

func TestTimesAreKept(t *testing.T) {
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	r := &Runner{cache: c, builder: &kbuild.Builder{Arch: arch.Default()}}
	assert.Empty(t, r.earlierTimes("tcg"))
	rec := func(profile string, o record.Outcome, exit float64) record.Record {
		return record.Record{Profile: profile, Outcome: o, Phases: record.Phases{Exit: exit}}
	}
	require.NoError(t, r.keepTimes("tcg", []record.Record{rec("full", record.Completed, 2), rec("no-inet", record.Hung, 60)}))
	require.NoError(t, r.keepTimes("tcg", []record.Record{rec("full+apps", record.Completed, 300), rec("full+mine", record.Completed, 9)}))
	assert.Equal(t, map[string]float64{"full": 2, "full+apps": 300}, r.earlierTimes("tcg"))
	assert.Empty(t, r.earlierTimes("kvm"))

	r.opts = Options{Jobs: 2, MemoryMiB: 1}
	p := prepared{accel: accel.Choice{Name: "tcg"}}
	twice := r.targets([]kconfigs.Profile{{Name: "full"}, {Name: "full+apps"}, {Name: "full"}, {Name: "full+apps"}}, nil)
	order, atOnce := r.order(p, twice)
	assert.Equal(t, []int{1, 3, 0, 2}, order, "full+apps is the slower")
	assert.Equal(t, 2, atOnce)
	r.opts.InTurn = true
	order, atOnce = r.order(p, twice)
	assert.Equal(t, []int{0, 1, 2, 3}, order)
	assert.Equal(t, 1, atOnce)
}

func TestMeasuresOneByOne(t *testing.T) {
	for probes, want := range map[string]int{"": 4, "lo/*": 4, "lo/*,perf/pipe": 1, "*": 1} {
		r := &Runner{opts: Options{Jobs: 4, Probes: probes}}
		assert.Equal(t, want, r.jobs(), probes)
	}
}

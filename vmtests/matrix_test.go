package vmtests

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
)

var update = flag.Bool("update", false, "rewrite the expectations from what the kernels do now")

// requireVM is the environment variable that turns a skipped boot into a failure;
// make test and CI set it.
const requireVM = "NETSTRIP_REQUIRE_VM"

// fullEnv is the environment variable that adds what takes long; make full sets it.
const fullEnv = "NETSTRIP_FULL"

// newTestRig returns a rig, or skips the test, loudly, where guests cannot be booted.
func newTestRig(t *testing.T) *Rig {
	t.Helper()
	if testing.Short() && os.Getenv(requireVM) == "" {
		t.Skip("-short: NO GUEST IS BOOTED; run: make test")
	}
	results := filepath.Join("..", "results", "test.jsonl")
	rig, err := New(t.Context(), Options{
		Source:   kbuild.SourceOptions{Path: os.Getenv("NETSTRIP_SOURCE"), Series: os.Getenv("NETSTRIP_SERIES")},
		Results:  results,
		Progress: progress.New(os.Stderr),
	})
	if err == nil {
		err = Ready()
	}
	if err != nil {
		if os.Getenv(requireVM) != "" {
			t.Fatal(err)
		}
		t.Skipf("NO GUEST IS BOOTED: %v; make test installs what is missing", err)
	}
	return rig
}

// TestMatrix boots every profile, of those that take long to build only with NETSTRIP_FULL
// set, and holds each to its expectation, one subtest a probe, and all to the verdicts on
// the claims: go test ./vmtests -run 'TestMatrix/no-net/socket' boots one kernel and looks
// at its sockets.
func TestMatrix(t *testing.T) {
	rig, bench := newTestRig(t), newTestRig(t)
	bench.opts.Probes = wire.PerfFamily + "/*"
	var mu sync.Mutex
	var all, measured []record.Record
	profiles := chosen(flag.Lookup("test.run").Value.String())
	t.Cleanup(func() { // after the last of the boots side by side
		if len(all) == len(profiles) && len(all) > 1 {
			checkClaims(t, append(all, measured...))
		}
	})
	look := func(t *testing.T, rig *Rig, to *[]record.Record, p kconfigs.Profile, kernels []*kbuild.Kernel) {
		records, err := rig.Boot(t.Context(), []kconfigs.Profile{p}, kernels)
		require.NoError(t, err)
		mu.Lock()
		*to = append(*to, records[0])
		mu.Unlock()
		if *update {
			rewrite(t, records[0])
		}
		compare(t, records[0])
	}
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			// Built one after the other, in the ladder's order, then booted side by side.
			kernels, err := rig.Build(t.Context(), []kconfigs.Profile{p})
			require.NoError(t, err)
			t.Parallel()
			look(t, rig, &all, p, kernels)
			// What is measured works or not on one kernel as on the next: four tell all answers.
			if *update || slices.Contains([]string{"full", "lo-down", "no-inet", "no-net"}, p.Name) {
				look(t, bench, &measured, p, kernels)
			}
		})
	}
}

// chosen returns the profiles that a -run pattern may mean. A pattern is a regular
// expression, by which no-net would boot no-netns as well; a profile's whole name means
// that profile.
func chosen(pattern string) []kconfigs.Profile {
	_, rest, _ := strings.Cut(pattern, "/")
	name, _, _ := strings.Cut(rest, "/")
	if p, err := kconfigs.Lookup(strings.Trim(name, "^$")); err == nil {
		return []kconfigs.Profile{p}
	}
	if os.Getenv(fullEnv) != "" {
		return kconfigs.Profiles()
	}
	loDown, _ := kconfigs.Lookup("lo-down")
	tiny, _ := kconfigs.Lookup("tiny")
	return append(kconfigs.Ladder(), loDown, tiny)
}

func TestChosen(t *testing.T) {
	assert.Len(t, chosen("TestMatrix/no-net/socket"), 1)
	assert.Len(t, chosen("TestMatrix/no-net"), 1)
	assert.Len(t, chosen("^TestMatrix$/^defconfig$"), 1)
	t.Setenv(fullEnv, "")
	assert.Len(t, chosen("TestMatrix/no-"), len(kconfigs.Ladder())+2)
	assert.Len(t, chosen(""), len(kconfigs.Ladder())+2)
	t.Setenv(fullEnv, "1")
	assert.Len(t, chosen(""), len(kconfigs.Profiles()))
}

// expectFile is where the expectation of a record's probes is kept.
func expectFile(r record.Record) string {
	if strings.HasPrefix(r.Probes, wire.PerfFamily+"/") {
		return expectPath(r.Series, wire.PerfFamily+"/"+r.Profile)
	}
	return expectPath(r.Series, r.Profile)
}

func rewrite(t *testing.T, r record.Record) {
	t.Helper()
	if r.Init != "" { // what the profile finds anyway is not said again
		usual, err := readExpectation(os.DirFS("."), r.Series, r.Ref().Profile())
		require.NoError(t, err)
		r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f wire.Finding) bool { return usual[f.ID] == answer(f) })
	}
	text, err := formatExpectation(r)
	require.NoError(t, err)
	path := expectFile(r)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// compare has one subtest for every probe that is expected or was found.
func compare(t *testing.T, r record.Record) {
	t.Helper()
	path := expectFile(r)
	want, err := expectation(os.DirFS("."), r)
	require.NoError(t, err, "run: make update")
	require.Equal(t, want[outcomeID], string(r.Outcome),
		"%s\nconsole log: %s\nrepeat it by hand: %s", r.Reason, r.ConsoleLog, r.Machine.Command)
	require.Equal(t, want[saidID], answersOf(r)[saidID])
	deviating := map[string]Deviation{}
	for _, d := range deviations(want, r) {
		deviating[d.Probe] = d
	}
	details := map[string]string{}
	got := answers{}
	for _, f := range r.Findings {
		got[f.ID], details[f.ID] = answer(f), report.Escape(f.Detail, 1000)
	}
	for _, id := range ids(want, got) {
		if id == outcomeID || id == saidID {
			continue
		}
		t.Run(id, func(t *testing.T) {
			if d, bad := deviating[id]; bad {
				t.Errorf("%s: %s\n%s\nlook closer: netstrip show --results results/test.jsonl %s %s",
					path, d, details[id], r.ID, id)
			}
		})
	}
}

// A record must say all that is known about a boot.
func TestRecordIsComplete(t *testing.T) {
	rig := newTestRig(t)
	profile, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	records, err := rig.Run(t.Context(), []kconfigs.Profile{profile, profile})
	require.NoError(t, err)
	require.Len(t, records, 2)
	assert.Equal(t, rig.Name()+"/no-net", records[0].ID)
	assert.Equal(t, rig.Name()+"/no-net/2", records[1].ID)
	for _, r := range records {
		require.Equal(t, record.Completed, r.Outcome, r.Reason)
		p := r.Phases
		order := []float64{0, p.FirstByte, p.Banner, p.Init, p.FirstEvent, p.Done, p.Exit}
		for i := 1; i < len(order); i++ {
			assert.GreaterOrEqual(t, order[i], order[i-1], "phase %d of %+v", i, p)
		}
		assert.Positive(t, p.FirstByte)
		assert.Positive(t, p.GuestStart)
		assert.Empty(t, r.Notices)
		assert.Empty(t, r.Running)
		require.NotNil(t, r.Hello)
		assert.Equal(t, r.Kernel.Version, r.Hello.Release)
		assert.Len(t, r.Findings, len(r.Hello.Probes), "every probe announced has answered")
		log, err := os.ReadFile(filepath.Join(filepath.Dir(rig.Results()), r.ConsoleLog))
		require.NoError(t, err)
		assert.Contains(t, string(log), "Linux version "+r.Kernel.Version)
		assert.Contains(t, r.Machine.Command, "-kernel ")
		assert.NotEmpty(t, r.Machine.AccelReason)
		assert.Len(t, r.Kernel.ConfigSHA256, 64)
	}
	kept, damage, err := record.Load(rig.Results())
	require.NoError(t, err)
	assert.Empty(t, damage)
	found := 0
	for _, r := range kept {
		if r.Run == rig.Name() {
			found++
		}
	}
	assert.Equal(t, 2, found, "both are in the results file")
}

func TestRecordIDs(t *testing.T) {
	r := &Rig{run: "R"}
	var profiles []kconfigs.Profile
	for _, name := range strings.Fields("a b a a") {
		profiles = append(profiles, kconfigs.Profile{Name: name})
	}
	assert.Equal(t, []string{"R/a", "R/b", "R/a/2", "R/a/3"}, r.recordIDs(r.subjects(profiles, nil)))
	r.inits = []initramfs.Init{{Name: "x"}, {Name: "y"}}
	assert.Equal(t, []string{"R/a/x", "R/a/y", "R/b/x", "R/b/y"}, r.recordIDs(r.subjects(profiles[:2], nil)))
}

func TestSeries(t *testing.T) {
	for version, want := range map[string]string{"6.12.117": "6.12", "6.1.172-1": "6.1", "7.0-rc1": "7.0", "x": "x"} {
		assert.Equal(t, want, series(version), fmt.Sprint(version))
	}
}

// A profile names a parameter of the guest's as kconfigs, which knows of no guests, has it.
func TestLoDown(t *testing.T) {
	p, err := kconfigs.Lookup("lo-down")
	require.NoError(t, err)
	assert.Equal(t, []string{wire.ParamLo + "=" + wire.LoDown}, p.Args)
}

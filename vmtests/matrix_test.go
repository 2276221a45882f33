// Package vmtests holds the tests that boot guests, which are what CI calls: the matrix of all
// profiles, inits, applications, faults, benchmarks. They run on the host. Package guest boots
// one guest, run many, and expect compares what they find with what is expected.
package vmtests

import (
	"cmp"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
)

var update = flag.Bool("update", false, "rewrite the expectations from what the kernels answer now")

// requireVM is the environment variable that turns a skipped boot into a failure;
// make test and CI set it.
const requireVM = "NETSTRIP_REQUIRE_VM"

// fullEnv is the environment variable that adds what takes long; make full sets it.
const fullEnv = "NETSTRIP_FULL"

// newTestRunner returns a runner with these options and those that all tests share, or skips
// the test, loudly, where guests cannot be booted.
func newTestRunner(t *testing.T, o run.Options) *run.Runner {
	t.Helper()
	if testing.Short() && os.Getenv(requireVM) == "" {
		t.Skip("-short: NO GUEST IS BOOTED; run: make test")
	}
	o.Source = source.Options{Path: os.Getenv("NETSTRIP_SOURCE"), Series: os.Getenv("NETSTRIP_SERIES")}
	o.Results = cmp.Or(o.Results, filepath.Join("..", "results", "test.jsonl"))
	o.Progress = progress.New(os.Stderr)
	runner, err := run.New(t.Context(), o)
	if err == nil {
		err = run.Ready("")
	}
	if err != nil {
		if os.Getenv(requireVM) != "" {
			t.Fatal(err)
		}
		t.Skipf("NO GUEST IS BOOTED: %v; make test installs what is missing", err)
	}
	return runner
}

// TestMatrix boots every profile (those that take long to build only with NETSTRIP_FULL set) and
// compares each with its expectation, one subtest per probe, and all with the verdicts on the
// claims. go test ./vmtests -run 'TestMatrix/no-net/socket' boots one kernel and checks its
// sockets.
func TestMatrix(t *testing.T) {
	runner, bench := newTestRunner(t, run.Options{}), newTestRunner(t, run.Options{Probes: wire.PerfFamily + "/*"})
	var mu sync.Mutex
	var all, measured []record.Record
	profiles := chosen(flag.Lookup("test.run").Value.String())
	t.Cleanup(func() { // after the last of the parallel boots
		if len(all) == len(profiles) && len(all) > 1 {
			checkClaims(t, append(all, measured...))
		}
	})
	boot := func(t *testing.T, runner *run.Runner, to *[]record.Record, p kconfigs.Profile, kernels []*kbuild.Kernel) {
		records, err := runner.Boot(t.Context(), []kconfigs.Profile{p}, kernels)
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
			// Built in the order of the ladder, then booted in parallel.
			kernels, err := runner.Build(t.Context(), []kconfigs.Profile{p})
			require.NoError(t, err)
			t.Parallel()
			boot(t, runner, &all, p, kernels)
			// The measured channels differ only between these four kernels.
			if *update || slices.Contains([]string{"full", "lo-down", "no-inet", "no-net"}, p.Name) {
				boot(t, bench, &measured, p, kernels)
			}
		})
	}
}

// chosen returns the profiles that a -run pattern may mean. As a regular expression no-net would
// match no-netns as well; a profile's whole name means that profile.
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

// compare runs a subtest for every probe that is expected or has a finding.
func compare(t *testing.T, r record.Record) {
	t.Helper()
	devs, err := files.Deviations(r)
	require.NoError(t, err, "run: make update")
	deviating, details := map[string]expect.Deviation{}, map[string]string{}
	for _, d := range devs {
		if !strings.Contains(d.Probe, "/") { // the outcome, or what an init said
			require.Fail(t, d.String(), "%s\nconsole log: %s\nrepeat it by hand: %s", r.Reason, r.ConsoleLog, r.Machine.Command)
		}
		deviating[d.Probe], details[d.Probe] = d, ""
	}
	for _, f := range r.Findings {
		details[f.ID] = report.Escape(f.Detail, 1000)
	}
	for _, id := range slices.Sorted(maps.Keys(details)) {
		t.Run(id, func(t *testing.T) {
			if d, bad := deviating[id]; bad {
				t.Errorf("%s: %s\n%s\nlook closer: netstrip show --results results/test.jsonl %s %s",
					expectationPath(r), d, details[id], r.ID, id)
			}
		})
	}
}

// A record has everything that is known about a boot.
func TestRecordIsComplete(t *testing.T) {
	runner := newTestRunner(t, run.Options{})
	profile, err := kconfigs.Lookup("no-net")
	require.NoError(t, err)
	records, err := runner.Run(t.Context(), []kconfigs.Profile{profile, profile})
	require.NoError(t, err)
	require.Len(t, records, 2)
	assert.Equal(t, runner.Name()+"/no-net", records[0].ID)
	assert.Equal(t, runner.Name()+"/no-net/2", records[1].ID)
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
		assert.Len(t, r.Findings, len(r.Hello.Probes), "every announced probe has answered")
		log, err := os.ReadFile(filepath.Join(filepath.Dir(runner.Results()), r.ConsoleLog))
		require.NoError(t, err)
		assert.Contains(t, string(log), "Linux version "+r.Kernel.Version)
		assert.Contains(t, r.Machine.Command, "-kernel ")
		assert.NotEmpty(t, r.Machine.AccelReason)
		assert.Len(t, r.Kernel.ConfigSHA256, 64)
	}
	kept, err := record.Store{Path: runner.Results()}.Open()
	require.NoError(t, err)
	defer kept.Close()
	assert.Empty(t, kept.Damage)
	found := 0
	for _, r := range kept.Records {
		if r.Run == runner.Name() {
			found++
		}
	}
	assert.Equal(t, 2, found, "both are in the results file")
}

// The profile lo-down has the guest's parameter, which kconfigs cannot import.
func TestLoDown(t *testing.T) {
	p, err := kconfigs.Lookup("lo-down")
	require.NoError(t, err)
	assert.Equal(t, []string{wire.ParamLo + "=" + wire.LoDown}, p.Args)
}

// Package vmtests holds the tests that boot guests, which are what CI calls: the matrix of all
// profiles, inits, applications, faults, benchmarks. They run on the host. Package guest boots
// one guest, run many, and expect compares what they find with what is expected.
package vmtests

import (
	"errors"
	"flag"
	"maps"
	"os"
	"os/exec"
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
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/report"
	"github.com/netstrip/netstrip/vmtests/run"
)

var update = flag.Bool("update", false, "rewrite the expectations from what the kernels answer now")

// TestMatrix boots every kernel of the table (testdata/kernels.txt; with NETSTRIP_FULL set three times)
// and compares each with its expectation, one subtest per probe, and those of each series and
// architecture with the verdicts on the claims. go test ./vmtests -run 'TestMatrix/no-net/socket'
// boots one kernel and checks its sockets.
func TestMatrix(t *testing.T) {
	for _, k := range selected(t, flag.Lookup("test.run").Value.String()) {
		m := &matrixTest{kernels: k}
		m.runner, m.err = openRunner(t, k.source, run.Options{})
		if m.err == nil {
			m.bench, m.err = openRunner(t, k.source, run.Options{Probes: wire.PerfFamily + "/*"})
		}
		profiles := k.profiles(t, false)
		t.Cleanup(func() { // after the last of the parallel boots
			if m.completed == len(profiles) && m.completed > 1 {
				checkClaims(t, m.records)
			}
		})
		for _, p := range theirs(t, k, slices.Clone(profiles)) {
			t.Run(k.label(p.Name), func(t *testing.T) { m.test(t, p) })
		}
	}
}

// matrixTest is TestMatrix for one series and architecture.
type matrixTest struct {
	kernels
	runner, bench *run.Runner
	err           error // why nothing can be booted

	mu        sync.Mutex
	records   []record.Record
	completed int // how many kernels were booted
}

// test builds a profile and boots it in parallel with others.
func (m *matrixTest) test(t *testing.T, p kconfigs.Profile) {
	orSkip(t, m.err)
	kernels, err := m.runner.Build(t.Context(), []kconfigs.Profile{p})
	if errors.Is(err, exec.ErrNotFound) {
		orSkip(t, err) // a cross compiler
	}
	require.NoError(t, err)
	t.Parallel() // after a build: they share object trees
	times := 1
	if os.Getenv(fullEnv) != "" {
		times = 3
	}
	m.boot(t, m.runner, slices.Repeat([]kconfigs.Profile{p}, times), slices.Repeat(kernels, times))
	// The measured channels differ only between these four kernels.
	few := slices.Contains([]string{"full", "lo-down", "no-inet", "no-net"}, p.Name)
	if *update || few && (m.usual || times > 1) {
		m.boot(t, m.bench, []kconfigs.Profile{p}, kernels)
	}
	m.mu.Lock()
	m.completed++
	m.mu.Unlock()
}

// boot boots a profile several times and compares each boot with its expectation, and so all with each
// other.
func (m *matrixTest) boot(t *testing.T, runner *run.Runner, profiles []kconfigs.Profile, kernels []*kbuild.Kernel) {
	records, err := runner.Boot(t.Context(), profiles, kernels)
	require.NoError(t, err)
	m.mu.Lock()
	m.records = append(m.records, records[0])
	m.mu.Unlock()
	if *update {
		rewrite(t, records[0])
	}
	for _, r := range records {
		compare(t, r)
	}
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

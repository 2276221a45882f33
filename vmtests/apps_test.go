package vmtests

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/apps/image"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// quickApps are tested without NETSTRIP_FULL, and on other series: on full+apps all their ways work,
// on no-inet+apps those on Unix sockets, on no-net+apps those without sockets.
const quickApps = "nginx redis flask"

// appsEnv names applications to test alone, on every kernel for applications. With -update this
// adds the expectations of a new one to the others.
const appsEnv = "NETSTRIP_TEST_APPS"

// appTest is which applications to test on which profiles.
type appTest struct {
	kernels
	list     []apps.App // those on the disk
	patterns string     // of the ways
	profiles []kconfigs.Profile
}

// newAppTests returns the tests of each series and architecture with kernels for applications, the
// usual first.
func newAppTests(t *testing.T) (tests []appTest) {
	t.Helper()
	some := os.Getenv(appsEnv)
	for _, k := range tested(t) {
		profiles := k.profiles(t, true)
		switch {
		case some != "" && k.usual:
			tests = append(tests, newAppTest(t, k, some, kconfigs.Apps()))
		case some != "" || len(profiles) == 0:
		case len(profiles) == len(kconfigs.Apps()):
			tests = append(tests, newAppTest(t, k, "", profiles))
		default:
			tests = append(tests, newAppTest(t, k, quickApps, profiles))
		}
	}
	return tests
}

// newAppTest returns the test of these applications, or of all.
func newAppTest(t *testing.T, k kernels, names string, profiles []kconfigs.Profile) appTest {
	t.Helper()
	all, err := apps.Load(t.Context(), "")
	require.NoError(t, err)
	if names == "" {
		return appTest{kernels: k, list: all, profiles: profiles}
	}
	a := appTest{kernels: k, profiles: profiles}
	var patterns []string
	for _, app := range all {
		if slices.Contains(strings.Fields(names), app.Name) {
			a.list, patterns = append(a.list, app), append(patterns, "app/"+app.Name+"/*")
		}
	}
	a.patterns = strings.Join(patterns, ",")
	return a
}

// runner returns a runner for the ways that match the patterns.
func (a appTest) runner(t *testing.T, ways []wire.App, patterns string) *run.Runner {
	t.Helper()
	_, err := openRunner(t, a.source, run.Options{})
	orSkip(t, err) // before a disk is made
	c, err := cache.Open("")
	require.NoError(t, err)
	disk, err := image.Build(t.Context(), image.Options{Cache: c, Progress: progress.New(os.Stderr)}, a.list)
	if err != nil && os.Getenv(requireVM) == "" {
		t.Skipf("NO APPLICATION IS STARTED: %v", err)
	}
	require.NoError(t, err)
	runner, err := openRunner(t, a.source, run.Options{Apps: ways, Disk: disk, Probes: patterns})
	orSkip(t, err)
	return runner
}

// TestApps starts real applications on several profiles and compares each with its expectation:
// three of each, or all with NETSTRIP_FULL set. -update rewrites the expectations.
func TestApps(t *testing.T) {
	for _, a := range newAppTests(t) {
		whole := len(a.profiles)
		if a.profiles = theirs(t, a.kernels, a.profiles); len(a.profiles) > 0 {
			a.test(t, whole)
		}
	}
}

// test tests the profiles; whole is how many there are in all shards.
func (a appTest) test(t *testing.T, whole int) {
	runner := a.runner(t, apps.Wire(a.list), a.patterns)
	var mu sync.Mutex
	var all []record.Record
	t.Cleanup(func() { // after the last of the parallel boots
		if len(all) == whole && os.Getenv(appsEnv) == "" {
			checkClaims(t, all)
		}
	})
	for _, p := range a.profiles {
		t.Run(a.label(p.Name), func(t *testing.T) {
			kernels, err := runner.Build(t.Context(), []kconfigs.Profile{p})
			require.NoError(t, err)
			t.Parallel()
			records, err := runner.Boot(t.Context(), []kconfigs.Profile{p}, kernels)
			require.NoError(t, err)
			mu.Lock()
			all = append(all, records[0])
			all[len(all)-1].Probes = "" // for claims these are all applications
			mu.Unlock()
			if *update {
				rewrite(t, withExpected(t, records[0]))
			}
			compare(t, records[0])
		})
	}
}

// withExpected returns a record with the expected findings of the ways that were not run.
func withExpected(t *testing.T, r record.Record) record.Record {
	t.Helper()
	r.Probes, r.Findings = "", slices.Clone(r.Findings)
	all, err := expect.Expected(r.Variant(), r.Profile)
	if !errors.Is(err, expect.ErrNoExpectation) {
		require.NoError(t, err)
	}
	for _, f := range all {
		if !slices.Contains(r.Hello.Probes, f.ID) {
			r.Findings = append(r.Findings, f)
		}
	}
	return r
}

// The result of a way does not depend on those before it: it is the same in reverse order and
// alone.
func TestAppsInAnyOrder(t *testing.T) {
	a := newAppTests(t)[0]
	p, err := kconfigs.Lookup("no-inet+apps") // some work and some fail
	require.NoError(t, err)
	turned := apps.Wire(a.list)
	slices.Reverse(turned)
	quick := "app/" + strings.Join(strings.Fields(quickApps), "/*,app/") + "/*"
	for name, patterns := range map[string]string{"turned": quick, "alone": "app/redis/*"} {
		t.Run(name, func(t *testing.T) {
			runner := a.runner(t, turned, patterns)
			kernels, err := runner.Build(t.Context(), []kconfigs.Profile{p})
			require.NoError(t, err)
			t.Parallel()
			records, err := runner.Boot(t.Context(), []kconfigs.Profile{p}, kernels)
			require.NoError(t, err)
			require.NotEmpty(t, records[0].Findings)
			compare(t, records[0])
		})
	}
}

// mess leaves behind everything that a way can, and fails; tidy works if nothing is left.
const (
	mess = `set -e
ip link add left type dummy
mkdir /sys/fs/cgroup/left
sleep 600 & echo $! > /sys/fs/cgroup/left/cgroup.procs
touch /etc/left /tmp/left /dev/shm/left
perl -e '@a = ("left", "/mnt", "tmpfs"); syscall(165, @a, 0, 0) and die $!' # mount(2): mount(8) is on no small disk
hostname left
echo all is left; exit 1`
	tidy = `! ip link show left || exit 1
for f in /sys/fs/cgroup/left /etc/left /tmp/left /dev/shm/left; do test ! -e $f || exit 2; done
! grep -q left /proc/mounts || exit 3
test $(hostname) = localhost || exit 4
! grep -q sleep /proc/[0-9]*/comm || exit 5
echo tidy`
)

// Nothing that an application leaves behind outlives it, even if it fails.
func TestNothingIsLeftOfAnApp(t *testing.T) {
	a := newAppTests(t)[0]
	way := func(id, script string) wire.App {
		return wire.App{ID: id, Ask: wire.Command{Argv: []string{"sh", "-c", script}}, Expect: "^tidy$", Seconds: 60}
	}
	runner := a.runner(t, []wire.App{way("app/mess/none", mess), way("app/tidy/none", tidy)}, "")
	kernels, err := runner.Build(t.Context(), a.profiles[:1])
	require.NoError(t, err)
	records, err := runner.Boot(t.Context(), a.profiles[:1], kernels)
	require.NoError(t, err)
	require.Len(t, records[0].Findings, 2, records[0].Reason)
	messy, tidied := records[0].Findings[0], records[0].Findings[1]
	assert.Equal(t, wire.Absent, messy.Verdict)
	assert.Contains(t, messy.Detail, "all is left", "it did not finish")
	assert.Equal(t, wire.Works, tidied.Verdict, tidied.Detail)
}

// The kernel has every symbol that an application needs besides networking.
func TestAppSymbols(t *testing.T) {
	list, err := apps.Load(t.Context(), "")
	require.NoError(t, err)
	full, err := kconfigs.Apps()[0].Request()
	require.NoError(t, err)
	set := map[string]string{}
	for _, s := range full.Settings {
		set[s.Symbol] = s.Value
	}
	for _, a := range list {
		for _, symbol := range a.Symbols {
			assert.Equal(t, "y", set[symbol], "%s needs %s, which no fragment of full+apps sets", a.Name, symbol)
		}
	}
}

// Every way of every application that is tested on a kernel has an expectation there, and no other.
func TestAppExpectations(t *testing.T) {
	usualEnvironment(t)
	t.Setenv(appsEnv, "")
	t.Setenv(fullEnv, "1")
	declared := map[string][]string{}
	for _, a := range newAppTests(t) {
		for _, p := range a.profiles {
			for _, w := range apps.Wire(a.list) {
				path := filepath.Join("expect/testdata", a.set(), p.Name+".txt")
				declared[path] = append(declared[path], w.ID)
			}
		}
	}
	paths, err := filepath.Glob("expect/testdata/*/*+apps.txt")
	require.NoError(t, err)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(declared)), paths, "run: make update FULL=1")
	for _, path := range paths {
		findings, err := expect.Expected(filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".txt"))
		require.NoError(t, err)
		var ids []string
		for _, f := range findings {
			ids = append(ids, f.ID)
		}
		assert.ElementsMatch(t, declared[path], ids, path)
	}
}

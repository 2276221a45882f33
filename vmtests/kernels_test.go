package vmtests

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/source"
	"github.com/netstrip/netstrip/vmtests/run"
	"github.com/netstrip/netstrip/vmtests/shard"
)

// requireVM is the environment variable that turns a skipped boot into a failure;
// make test and CI set it.
const requireVM = "NETSTRIP_REQUIRE_VM"

// fullEnv is the environment variable that adds what takes long; make full sets it.
const fullEnv = "NETSTRIP_FULL"

const seriesEnv, sourceEnv = "NETSTRIP_SERIES", "NETSTRIP_SOURCE"

// kernels are what tests boot of one series and architecture: a part of testdata/kernels.txt.
type kernels struct {
	source source.Options
	names  []ref.Ref
	usual  bool // subtests name these kernels without series and architecture
}

// tested returns the kernels that tests boot, those of the usual series first. NETSTRIP_SERIES,
// NETSTRIP_ARCH and NETSTRIP_SOURCE select a series, architecture and source. One that is not in the
// table is tested with the usual kernels.
func tested(t testing.TB) []kernels {
	t.Helper()
	data, err := os.ReadFile("testdata/kernels.txt")
	require.NoError(t, err)
	all := parseKernels(t, string(data), os.Getenv(fullEnv) != "")
	chosen := source.Options{Path: os.Getenv(sourceEnv), Series: os.Getenv(seriesEnv), Arch: os.Getenv(arch.Env)}
	if chosen == (source.Options{}) {
		return all
	}
	usual := all[0].source
	i := slices.IndexFunc(all, func(k kernels) bool {
		return k.source.Series == cmp.Or(chosen.Series, usual.Series) && k.source.Arch == cmp.Or(chosen.Arch, usual.Arch)
	})
	one := all[max(i, 0)]
	one.source, one.usual = chosen, true
	return []kernels{one}
}

// parseKernels parses the table, with the lines of make full or without.
func parseKernels(t testing.TB, text string, full bool) (all []kernels) {
	t.Helper()
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		require.Greater(t, len(f), 3, line)
		require.Contains(t, []string{"test", "full"}, f[0], line)
		if f[0] == "full" && !full {
			continue
		}
		from := source.Options{Series: f[1], Arch: f[2]}
		i := slices.IndexFunc(all, func(k kernels) bool { return k.source == from })
		if i < 0 {
			i, all = len(all), append(all, kernels{source: from, usual: all == nil})
		}
		for _, name := range expand(f[3:]) {
			if r := ref.Parse(name); !slices.ContainsFunc(all[i].names, func(n ref.Ref) bool { return n.String() == name }) {
				all[i].names = append(all[i].names, r)
			}
		}
	}
	return all
}

// expand replaces * and *+apps by the profiles they stand for.
func expand(names []string) (all []string) {
	for _, n := range names {
		switch n {
		case "*":
			all = append(all, profileNames(kconfigs.Profiles())...)
		case "*+apps":
			all = append(all, profileNames(kconfigs.Apps())...)
		default:
			all = append(all, n)
		}
	}
	return all
}

func profileNames(profiles []kconfigs.Profile) (names []string) {
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

// profiles returns the profiles that are booted with the probes, or else with applications.
func (k kernels) profiles(t testing.TB, apps bool) (all []kconfigs.Profile) {
	t.Helper()
	for _, r := range k.names {
		if r.Init == "" && r.Apps == apps {
			p, err := kconfigs.Lookup(r.Profile())
			require.NoError(t, err)
			all = append(all, p)
		}
	}
	return all
}

// inits returns the inits that profiles are booted into, by profile.
func (k kernels) inits() map[string][]string {
	all := map[string][]string{}
	for _, r := range k.names {
		if r.Init != "" {
			all[r.Profile()] = append(all[r.Profile()], r.Init)
		}
	}
	return all
}

// set returns the name of the set of expectations of kernels in the table.
func (k kernels) set() string {
	a, _ := arch.Parse(k.source.Arch) // a test checks the table
	return ref.Variant(k.source.Series, a.Label())
}

// label returns the name of a profile's subtest.
func (k kernels) label(profile string) string {
	if k.usual {
		return profile
	}
	return profile + "@" + k.set()
}

// selected returns the kernels that a -run pattern such as TestMatrix/no-net@6.1/lo may mean: that one,
// or else all. As a regular expression no-net would match no-netns as well.
func selected(t testing.TB, pattern string) []kernels {
	t.Helper()
	all := tested(t)
	_, rest, _ := strings.Cut(pattern, "/")
	name, _, _ := strings.Cut(rest, "/")
	r := ref.Parse(strings.NewReplacer("^", "", "$", "", `\`, "").Replace(name))
	if _, err := kconfigs.Lookup(r.Profile()); err != nil {
		return all
	}
	one := all[0]
	if r.Series != "" || r.Arch != "" {
		one.source, one.usual = source.Options{Series: cmp.Or(r.Series, one.source.Series), Arch: cmp.Or(r.Arch, arch.All()[0].Name)}, false
	}
	one.names = []ref.Ref{ref.Parse(r.Profile())}
	return []kernels{one}
}

// openRunner returns a runner with these options and those that all tests share.
func openRunner(t testing.TB, from source.Options, o run.Options) (*run.Runner, error) {
	t.Helper()
	if testing.Short() && os.Getenv(requireVM) == "" {
		t.Skip("-short: NO GUEST IS BOOTED; run: make test")
	}
	o.Source = from
	o.Results = cmp.Or(o.Results, filepath.Join("..", "results", "test.jsonl"))
	o.Progress = progress.New(os.Stderr)
	runner, err := run.New(t.Context(), o)
	if err != nil {
		return nil, err
	}
	return runner, run.Ready(from.Arch)
}

// orSkip skips the test, loudly, if guests cannot be booted.
func orSkip(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv(requireVM) != "":
		t.Fatal(err)
	default:
		t.Skipf("NO GUEST IS BOOTED: %v; make test installs what is missing", err)
	}
}

// newTestRunner returns a runner for the usual kernels, or skips the test.
func newTestRunner(t *testing.T, o run.Options) *run.Runner {
	t.Helper()
	onlyInItsShard(t)
	runner, err := openRunner(t, source.Options{Path: os.Getenv(sourceEnv), Series: os.Getenv(seriesEnv), Arch: os.Getenv(arch.Env)}, o)
	orSkip(t, err)
	return runner
}

// usualEnvironment lets a test see the table as make test does.
func usualEnvironment(t *testing.T) {
	t.Helper()
	for _, env := range []string{fullEnv, seriesEnv, sourceEnv, arch.Env, shard.Env} {
		t.Setenv(env, "")
	}
}

func TestSelected(t *testing.T) {
	usualEnvironment(t)
	labels := func(pattern string) (all []string) {
		for _, k := range selected(t, pattern) {
			for _, p := range k.profiles(t, false) {
				all = append(all, k.label(p.Name))
			}
		}
		return all
	}
	test := labels("TestMatrix")
	assert.Equal(t, test, labels("TestMatrix/no-"))
	assert.Subset(t, test, append(profileNames(kconfigs.Ladder()), "lo-down", "tiny", "full@7.3", "no-net@6.12-arm64", "full@6.12-riscv64"))
	for pattern, want := range map[string]string{
		"TestMatrix/no-net/socket":     "no-net",
		"TestMatrix/no-net":            "no-net",
		"^TestMatrix$/^defconfig$":     "defconfig",
		"TestMatrix/full@6.1/lo":       "full@6.1",
		`TestMatrix/^full@6\.12-arm64`: "full@6.12-arm64",
		"TestMatrix/full@riscv64":      "full@" + source.Usual() + "-riscv64",
	} {
		assert.Equal(t, []string{want}, labels(pattern), pattern)
	}
	t.Setenv(fullEnv, "1")
	full := labels("TestMatrix")
	assert.Subset(t, full, append(test, "no-packet@6.1", "services@7.3", "tiny@6.12-riscv64"))
	assert.Subset(t, full, profileNames(kconfigs.Profiles()), "every profile is tested")
	t.Setenv(seriesEnv, "7.3")
	assert.Contains(t, labels("TestMatrix"), "services")
	assert.NotContains(t, labels("TestMatrix"), "distro")
	t.Setenv(seriesEnv, "6.6")
	assert.Contains(t, labels("TestMatrix"), "distro", "a series that is not in the table")
	assert.Equal(t, "6.6", selected(t, "")[0].source.Series)
	t.Setenv(arch.Env, "arm64")
	t.Setenv(seriesEnv, "")
	assert.NotContains(t, labels("TestMatrix"), "distro")
}

// Every kernel in the table exists, and make kernels builds exactly those of make test.
func TestKernelTable(t *testing.T) {
	usualEnvironment(t)
	var want []string
	for _, k := range tested(t) {
		_, err := arch.Parse(k.source.Arch)
		assert.NoError(t, err)
		require.NoError(t, k.source.Check())
		built := map[string]bool{}
		for _, r := range k.names {
			name := r.Profile()
			_, err := kconfigs.Lookup(name)
			require.NoError(t, err)
			if !built[name] {
				want = append(want, k.source.Series+" "+k.source.Arch+" "+name)
			}
			built[name] = true
		}
	}
	out, err := exec.Command("../.ci/kernels").Output()
	require.NoError(t, err)
	var got []string
	for line := range strings.Lines(string(out)) { // --series SERIES --arch ARCH NAME...
		f := strings.Fields(line)
		require.Greater(t, len(f), 4, line)
		for _, name := range f[4:] {
			got = append(got, f[1]+" "+f[3]+" "+name)
		}
	}
	assert.ElementsMatch(t, want, got)
}

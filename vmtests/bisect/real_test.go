package bisect

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/apps/image"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/search"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// neither asks for a kernel that lacks one of two features: it fails if both probes work.
func neither(one, other string) Question {
	return Question{Text: "not both " + one + " and " + other, probes: one + "," + other, words: slices.Concat(words(one), words(other)),
		judge: func(r record.Record) search.Reply {
			a, b := judgeProbe(r, one), judgeProbe(r, other)
			v := search.Reply{Note: one + ": " + a.Note + "; " + other + ": " + b.Note}
			switch {
			case a.Answer == search.Fail || b.Answer == search.Fail:
				v.Answer = search.Pass
			case a.Answer == search.Pass && b.Answer == search.Pass:
				v.Answer = search.Fail
			}
			return v
		}}
}

// realCase is two kernels with a known culprit.
type realCase struct {
	name        string
	first, last *explain.ConfigState
	question    Question
	culprit     []string
	differ      int    // at least
	kernels     int    // to boot besides the ends, at most
	beside      string // whose object tree they are built in
}

func realCases(t *testing.T, k kernels) []realCase {
	tiny := k.tinyNet(t)
	rich := k.rich(t, k.with(t, tiny, "POSIX_MQUEUE"), "net")
	return []realCase{
		{"full..no-net", k.world(t, "full"), k.world(t, "no-net"), Probe("kernel/mqueue"), []string{"POSIX_MQUEUE"}, 20, 2, string(kconf.AllNo)},
		{"services..services-no-net", k.world(t, "services"), k.world(t, "services-no-net"), Probe("kernel/seccomp/filter"), []string{"NET"}, 90, 3, "services"},
		{"full+apps..no-net+apps", k.world(t, "full+apps"), k.world(t, "no-net+apps"), Probe("app/redis/unix"), []string{"UNIX"}, 30, 2, "apps"},
		{"rich..tiny-net", rich, tiny, Probe("kernel/mqueue"), []string{"POSIX_MQUEUE"}, 300, 2, "tinyconfig"},
		{"tiny-net..rich", tiny, rich, neither("socket/packet/capture", "socket/tcp6/loopback"), []string{"IPV6", "PACKET"}, 300, 4, "tinyconfig"},
	}
}

// disk returns the runner's options for one application.
func disk(t *testing.T, name string) run.Options {
	t.Helper()
	all, err := apps.Load(t.Context(), "")
	require.NoError(t, err)
	all = slices.DeleteFunc(all, func(a apps.App) bool { return a.Name != name })
	c, err := cache.Open("")
	require.NoError(t, err)
	made, err := image.Build(t.Context(), image.Options{Cache: c}, all)
	require.NoError(t, err)
	return run.Options{Apps: apps.Wire(all), Disk: made}
}

// TestRealBisections builds and boots what it takes to find known culprits, among them one of
// several hundred symbols, and two that only break it together.
func TestRealBisections(t *testing.T) {
	if os.Getenv("NETSTRIP_FULL") == "" || os.Getenv("NETSTRIP_REQUIRE_VM") == "" {
		t.Skip("NO KERNEL IS BUILT TO SEARCH; run: make full")
	}
	k := openKernels(t)
	for _, c := range realCases(t, k) {
		t.Run(c.name, func(t *testing.T) {
			var o run.Options
			if apps.Asked(c.question.probes) {
				o = disk(t, strings.Split(c.question.probes, "/")[1])
			}
			o.Results = filepath.Join(t.TempDir(), "r.jsonl")
			runner, err := run.New(t.Context(), o)
			require.NoError(t, err)
			d := New(Options{Runner: runner, Kconfig: k.kconfig, Name: c.name, Question: c.question,
				First: c.first, Last: c.last, ObjectTree: c.beside})
			b, err := d.Bisect(t.Context())
			require.NoError(t, err)
			var text strings.Builder
			require.NoError(t, b.Write(&text))
			t.Log("\n" + text.String())
			assert.Empty(t, b.Doubt)
			assert.GreaterOrEqual(t, b.Differ, c.differ)
			require.Len(t, b.Culprits, 1)
			found := slices.Sorted(slices.Values(b.Culprits[0].Changes))
			assert.Equal(t, c.culprit, found)
			results, err := record.Store{Path: o.Results}.Open()
			require.NoError(t, err)
			defer results.Close()
			assert.GreaterOrEqual(t, len(results.Records), 4, "both ends, and two to verify")
			booted := map[string]bool{}
			for _, r := range results.Records {
				booted[r.Kernel.Key] = true
			}
			assert.Len(t, booted, b.Cost.Kernels)
			assert.LessOrEqual(t, len(booted)-2, c.kernels, "besides the ends")
		})
	}
}

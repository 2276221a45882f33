package vmtests

import (
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// TestInits boots into each init of the table, and as usual, and compares the init's steps and the
// probes with the expectations: what works does not depend on the init. A -run pattern such as
// TestInits/services-no-net selects a kernel, of the table of make full too.
func TestInits(t *testing.T) {
	pattern, all := flag.Lookup("test.run").Value.String(), tested(t)
	_, rest, _ := strings.Cut(pattern, "/")
	name, _, _ := strings.Cut(strings.Trim(rest, "^$"), "/")
	if _, err := kconfigs.Lookup(name); err == nil && len(all[0].inits()[name]) == 0 {
		t.Setenv(fullEnv, "1")
		all = tested(t)[:1]
	}
	for _, k := range all {
		boots := k.inits()
		if inits, ok := boots[name]; ok {
			boots = map[string][]string{name: inits}
		}
		maps.DeleteFunc(boots, func(profile string, _ []string) bool { return !isMine(t, k, profile) })
		if len(boots) > 0 {
			testInits(t, k, boots)
		}
	}
}

// testInits boots the kernels into the inits, by profile.
func testInits(t *testing.T, k kernels, boots map[string][]string) {
	t.Helper()
	var records []record.Record
	boot := func(o run.Options, names ...string) {
		var profiles []kconfigs.Profile
		for _, name := range names {
			p, err := kconfigs.Lookup(name)
			require.NoError(t, err)
			profiles = append(profiles, p)
		}
		runner, err := openRunner(t, k.source, o)
		orSkip(t, err)
		some, err := runner.Run(t.Context(), profiles)
		require.NoError(t, err)
		records = append(records, some...)
	}
	boot(run.Options{}, slices.Collect(maps.Keys(boots))...) // first, since the others are compared with it
	for name, inits := range boots {
		boot(run.Options{Inits: inits}, name)
	}
	for _, r := range records {
		t.Run(k.label(r.Profile), func(t *testing.T) {
			if *update {
				rewrite(t, r)
			}
			compare(t, r)
		})
	}
	if len(boots) > 1 && ownShard(t).Of <= 1 { // one kernel alone cannot change a verdict
		checkClaims(t, records)
	}
}

package vmtests

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/netstrip/netstrip/vmtests/run"
)

// initBoots returns kernels with and without the network, and the inits that they are booted into.
// Kernels for systemd take long to build and boot, so only make full has them. A -run pattern that
// names a profile, such as TestInits/services-no-net, selects that one.
func initBoots(pattern string) map[string][]string {
	boots := map[string][]string{}
	_, rest, _ := strings.Cut(pattern, "/")
	name, _, _ := strings.Cut(rest, "/")
	name = strings.Trim(name, "^$")
	for _, p := range []string{"full", "no-net"} {
		boots[p] = []string{"probe", "u-root", "busybox"}
	}
	if os.Getenv(fullEnv) != "" || name != "" {
		for _, p := range []string{"services", "services-no-inet", "services-no-net"} {
			boots[p] = []string{"systemd"}
		}
	}
	if inits, ok := boots[name]; ok {
		return map[string][]string{name: inits}
	}
	return boots
}

func TestInitBoots(t *testing.T) {
	t.Setenv(fullEnv, "")
	assert.Len(t, initBoots("TestInits"), 2)
	assert.Equal(t, map[string][]string{"services": {"systemd"}}, initBoots("TestInits/services$"))
	assert.Equal(t, map[string][]string{"full": {"probe", "u-root", "busybox"}}, initBoots("TestInits/full/busybox"))
	t.Setenv(fullEnv, "1")
	assert.Len(t, initBoots(""), 5)
}

// TestInits boots into each init, and as usual, and compares the init's steps and the probes with
// the expectations: what works does not depend on the init.
func TestInits(t *testing.T) {
	var records []record.Record
	boot := func(o run.Options, names ...string) {
		var profiles []kconfigs.Profile
		for _, name := range names {
			p, err := kconfigs.Lookup(name)
			require.NoError(t, err)
			profiles = append(profiles, p)
		}
		some, err := newTestRunner(t, o).Run(t.Context(), profiles)
		require.NoError(t, err)
		records = append(records, some...)
	}
	boots := initBoots(flag.Lookup("test.run").Value.String())
	boot(run.Options{}, slices.Collect(maps.Keys(boots))...) // first, since the others are compared with it
	for name, inits := range boots {
		boot(run.Options{Inits: inits}, name)
	}
	for _, r := range records {
		t.Run(r.Profile, func(t *testing.T) {
			if *update {
				rewrite(t, r)
			}
			compare(t, r)
		})
	}
	if len(boots) > 1 { // one kernel alone cannot change a verdict
		checkClaims(t, records)
	}
}

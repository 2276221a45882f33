package vmtests

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/record"
)

// initBoots are kernels with and without the network, and the inits that they are booted
// into. Those of systemd are built, and boot, for long: make full has them. A -run pattern
// that names a profile, as TestInits/services-no-net, means that one.
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

// TestInits boots into each init, and as usual, and holds what it comes to against what is
// expected, and so the probes: what works does not turn on who started them.
func TestInits(t *testing.T) {
	rig := newTestRig(t)
	var subjects []subject
	var profiles []kconfigs.Profile
	for name, inits := range initBoots(flag.Lookup("test.run").Value.String()) {
		p, err := kconfigs.Lookup(name)
		require.NoError(t, err)
		rig.inits, err = lookupInits(inits)
		require.NoError(t, err)
		rig.inits = append([]initramfs.Init{{}}, rig.inits...)
		subjects = append(subjects, rig.subjects([]kconfigs.Profile{p}, nil)...)
	}
	for _, s := range subjects {
		profiles = append(profiles, s.Profile)
	}
	kernels, err := rig.Build(t.Context(), profiles)
	require.NoError(t, err)
	for i, k := range kernels {
		subjects[i].kernel = k
	}
	records, err := rig.bootAll(t.Context(), rig.store, subjects, rig.recordIDs(subjects))
	require.NoError(t, err)
	require.Len(t, records, len(subjects))
	for _, r := range records {
		t.Run(r.Profile, func(t *testing.T) {
			if *update {
				rewrite(t, r)
			}
			compare(t, r)
		})
	}
	checkClaims(t, records)
}

func TestSubjects(t *testing.T) {
	_, err := lookupInits([]string{"busybox", "systmd", "sysv"})
	assert.EqualError(t, err, "no init is called \"systmd\"; the inits are probe, u-root, busybox, systemd\n"+
		"no init is called \"sysv\"; the inits are probe, u-root, busybox, systemd")
	busybox, err := initramfs.LookupInit("busybox")
	require.NoError(t, err)
	assert.Equal(t, []string{"rdinit=/sbin/init", "netstrip.init=busybox"}, busybox.KernelArgs())
	assert.Empty(t, initramfs.Init{}.KernelArgs(), "an ordinary boot has the command line it always had")
	s := subject{Profile: kconfigs.Profile{Name: "full+mine"}, init: busybox}
	assert.Equal(t, "full+mine/busybox", s.name())
	assert.Equal(t, "full+mine", record.Record{Profile: s.name(), Init: "busybox"}.Ref().Profile())
}

// Of a boot into an init what the profile finds is expected too, unless it says otherwise;
// of one that did not get to its end, what it complained of.
func TestInitExpectations(t *testing.T) {
	full, err := readExpectation(golden, "6.12", "full")
	require.NoError(t, err)
	r := record.Record{Series: "6.12", Profile: "full/busybox", Outcome: record.Completed, Init: "busybox"}
	want, err := expectation(golden, r)
	require.NoError(t, err)
	assert.Equal(t, full["socket/tcp4/loopback"], want["socket/tcp4/loopback"])
	assert.NotEmpty(t, want["init/step/lo"])
	assert.Empty(t, full["init/step/lo"])

	r = record.Record{
		Series: "6.12", Profile: "p/x", Outcome: record.Hung,
		Init: "x", Said: []string{"x[1]: no socket", "Freezing."},
	}
	text, err := formatExpectation(r)
	require.NoError(t, err)
	want, err = parseExpectation("x", text)
	require.NoError(t, err, text)
	assert.Empty(t, deviations(want, r))
	r.Said = slices.Clone(r.Said[:1])
	assert.Equal(t, []Deviation{{saidID, "x[1]: no socket; Freezing.", "x[1]: no socket"}}, deviations(want, r))
}

// A run resumes into the inits that it began with.
func TestPlannedInit(t *testing.T) {
	s, err := planned(record.Boot{Profile: "no-net", Init: "busybox"})
	require.NoError(t, err)
	assert.Equal(t, "no-net/busybox", s.name())
	assert.Equal(t, "/sbin/init", s.init.Path)
	_, err = planned(record.Boot{Profile: "no-net", Init: "gone"})
	assert.ErrorContains(t, err, `no init is called "gone"`)
	assert.Equal(t, wire.ParamInit+"=busybox", s.init.KernelArgs()[1])
}

package run

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/vmtests/record"
)

func TestRecordIDs(t *testing.T) {
	r := &Runner{run: "R"}
	var profiles []kconfigs.Profile
	for _, name := range strings.Fields("a b a a") {
		profiles = append(profiles, kconfigs.Profile{Name: name})
	}
	assert.Equal(t, []string{"R/a", "R/b", "R/a/2", "R/a/3"}, r.recordIDs(r.targets(profiles, nil)))
	r.inits = []initramfs.Init{{Name: "x"}, {Name: "y"}}
	assert.Equal(t, []string{"R/a/x", "R/a/y", "R/b/x", "R/b/y"}, r.recordIDs(r.targets(profiles[:2], nil)))
}

func TestTargets(t *testing.T) {
	_, err := lookupInits([]string{"busybox", "systmd", "sysv"}, arch.Default())
	assert.EqualError(t, err, "no such init: \"systmd\"; the inits are probe, u-root, busybox, systemd\n"+
		"no such init: \"sysv\"; the inits are probe, u-root, busybox, systemd")
	busybox, err := initramfs.LookupInit("busybox")
	require.NoError(t, err)
	assert.Equal(t, []string{"rdinit=/sbin/init", "netstrip.init=busybox"}, busybox.KernelArgs())
	assert.Empty(t, initramfs.Init{}.KernelArgs(), "an ordinary boot has no arguments for an init")
	s := target{Profile: kconfigs.Profile{Name: "full+mine"}, init: busybox}
	assert.Equal(t, "full+mine/busybox", s.name())
	assert.Equal(t, "full+mine", record.Record{Profile: s.name(), Init: "busybox"}.Ref().Profile())
}

// A resumed run boots into the inits that it began with.
func TestPlannedInit(t *testing.T) {
	s, err := planned(record.Boot{Profile: "no-net", Init: "busybox"})
	require.NoError(t, err)
	assert.Equal(t, "no-net/busybox", s.name())
	assert.Equal(t, "/sbin/init", s.init.Path)
	_, err = planned(record.Boot{Profile: "no-net", Init: "gone"})
	assert.ErrorContains(t, err, `no such init: "gone"`)
	assert.Equal(t, wire.ParamInit+"=busybox", s.init.KernelArgs()[1])
}

package run

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/record"
)

// An init that gave up lacks a symbol that is off, not another.
func TestLacks(t *testing.T) {
	const cgroup = "systemd[1]: Failed to mount cgroup at /sys/fs/cgroup/systemd: No such file or directory"
	const socket = "systemd[1]: Failed to allocate notification socket: Function not implemented"
	const stops = "systemd[1]: Freezing execution."
	for _, tc := range []struct{ profile, config, said, want string }{
		{"no-inet", "CONFIG_NET=y\n# CONFIG_CGROUPS is not set\n", cgroup, "; CGROUPS is n on this kernel, which has nothing to do with the network: services-no-inet has it"},
		{"no-net", "# CONFIG_NET is not set\n", cgroup, "; CGROUPS is n on this kernel, which has nothing to do with the network: services-no-net has it"},
		{"full", "CONFIG_NET=y\n", cgroup, "; CGROUPS is n on this kernel, which has nothing to do with the network: services has it"},
		{"mine", "CONFIG_CGROUPS=y\n", cgroup, ""},
		{"services-no-net", "CONFIG_CGROUPS=y\n", socket, "; NET is n on this kernel"},
		{"services-no-net", "CONFIG_CGROUPS=y\nCONFIG_NET=y\n", socket, ""},
		{"no-net", "# CONFIG_NET is not set\n", "systemd[1]: Failed to do something else", ""},
	} {
		path := filepath.Join(t.TempDir(), "config")
		require.NoError(t, os.WriteFile(path, []byte("# Linux/x86 6.12.1 Kernel Configuration\n"+tc.config), 0o644))
		rec := record.Record{Outcome: record.Hung, Said: []string{"systemd[1]: Failed to find module 'autofs4'", tc.said, "[!!!!!!] Failed.", stops}}
		assert.Equal(t, tc.want, lacks(kconfigs.Profile{Name: tc.profile}, path, rec), "%s: %s", tc.profile, tc.said)
		rec.Outcome = record.Completed
		assert.Empty(t, lacks(kconfigs.Profile{Name: tc.profile}, path, rec))
	}
	assert.Empty(t, lacks(kconfigs.Profile{}, filepath.Join(t.TempDir(), "none"), record.Record{Outcome: record.Hung, Said: []string{cgroup, stops}}))
}

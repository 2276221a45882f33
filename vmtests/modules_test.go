package vmtests

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/vmtests/run"
)

// A feature whose module is missing in the guest is inconclusive, not absent. The kernel has no
// packet sockets, which looks the same to the guest as packet sockets in a module.
func TestMissingModuleIsNoVerdict(t *testing.T) {
	runner := newTestRunner(t, run.Options{})
	p, err := kconfigs.Lookup("no-packet")
	require.NoError(t, err)
	kernels, err := runner.Build(t.Context(), []kconfigs.Profile{p})
	require.NoError(t, err)
	rec, err := runner.Ask(t.Context(), p, kernels[0], "socket/packet/capture")
	require.NoError(t, err)
	require.Len(t, rec.Findings, 1)
	assert.Equal(t, wire.Absent, rec.Findings[0].Verdict)

	config, err := os.ReadFile(kernels[0].Config)
	require.NoError(t, err)
	config = bytes.Replace(config, []byte("# CONFIG_PACKET is not set\n"), []byte("CONFIG_PACKET=m\n"), 1)
	modular := *kernels[0]
	modular.Config = filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(modular.Config, config, 0o644))
	p.Name = "modular"
	rec, err = runner.Ask(t.Context(), p, &modular, "socket/packet/capture")
	require.NoError(t, err)
	require.Len(t, rec.Findings, 1)
	assert.Equal(t, wire.Inconclusive, rec.Findings[0].Verdict)
	assert.Equal(t, "EAFNOSUPPORT", rec.Findings[0].Errno)
	assert.Contains(t, rec.Findings[0].Detail, "PACKET is m and its module is not in the guest")
}

// Modules are built with their kernel, and loaded on demand. This takes a kernel of its own, so
// only make full runs it.
func TestModulesAreLoaded(t *testing.T) {
	if os.Getenv(fullEnv) == "" {
		t.Skip("MODULES ARE NOT BUILT AND LOADED: NETSTRIP_FULL=1 does, in some minutes")
	}
	runner := newTestRunner(t, run.Options{})
	p, err := kconfigs.Lookup("tiny")
	require.NoError(t, err)
	f, err := kconfigs.ParseFragment("modules.config", []byte("CONFIG_MODULES=y\nCONFIG_NET=y\nCONFIG_INET=y\nCONFIG_UNIX=y\nCONFIG_PACKET=m\nCONFIG_IPV6=m\n"))
	require.NoError(t, err)
	p = p.With(f)
	kernels, err := runner.Build(t.Context(), []kconfigs.Profile{p})
	require.NoError(t, err)
	for i, withThem := range []bool{true, false} {
		k := *kernels[0]
		p.Name = []string{"with-modules", "without-modules"}[i]
		if !withThem {
			k.Modules = ""
		}
		rec, err := runner.Ask(t.Context(), p, &k, "socket/packet/capture,socket/tcp6/loopback,socket/udp6/loopback,lo/addr6,socket/tcp4/loopback")
		require.NoError(t, err)
		require.Len(t, rec.Findings, 5)
		for _, f := range rec.Findings {
			if withThem || f.ID == "socket/tcp4/loopback" {
				assert.Equal(t, wire.Works, f.Verdict, "%s: %s %s", f.ID, f.Errno, f.Detail)
				continue
			}
			assert.Equal(t, wire.Inconclusive, f.Verdict, f.ID)
			assert.Contains(t, f.Detail, "is m and its module is not in the guest")
		}
	}
}

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
	config = bytes.Replace(config, []byte("# CONFIG_MODULES is not set\n"), []byte("CONFIG_MODULES=y\n"), 1)
	modular := *kernels[0]
	modular.Config = filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(modular.Config, config, 0o644))
	p.Name = "modular"
	rec, err = runner.Ask(t.Context(), p, &modular, "socket/packet/capture")
	require.NoError(t, err)
	require.Len(t, rec.Findings, 1)
	assert.Equal(t, wire.Inconclusive, rec.Findings[0].Verdict)
	assert.Equal(t, "EAFNOSUPPORT", rec.Findings[0].Errno)
	assert.Contains(t, rec.Findings[0].Detail, "PACKET is m: module af_packet, not loaded: the guest has none of the kernel's modules")
}

// Off, a module that is loaded, and one that is not are three states. The modules are built with
// their kernel, and loaded on demand by the program that this kernel looks for. It has no sysctl to
// change that.
func TestModules(t *testing.T) {
	runner := newTestRunner(t, run.Options{})
	p, err := kconfigs.Lookup("tiny")
	require.NoError(t, err)
	f, err := kconfigs.ParseFragment("modules.config", []byte("CONFIG_MODULES=y\nCONFIG_MODPROBE_PATH=\"/usr/lib/loader\"\n"+
		"CONFIG_NET=y\nCONFIG_INET=y\nCONFIG_UNIX=y\nCONFIG_PACKET=m\nCONFIG_IPV6=m\n"))
	require.NoError(t, err)
	p = p.With(f)
	kernels, err := runner.Build(t.Context(), []kconfigs.Profile{p})
	require.NoError(t, err)
	damaged := filepath.Join(t.TempDir(), "modules")
	require.NoError(t, os.CopyFS(damaged, os.DirFS(kernels[0].Modules)))
	require.NoError(t, os.Truncate(filepath.Join(damaged, "kernel/net/packet/af_packet.ko"), 1000))
	const none = ", not loaded: the guest has none of the kernel's modules"
	for _, tc := range []struct {
		name, modules string
		packet, ipv6  string
	}{
		{"all", kernels[0].Modules, ", loaded", ", loaded"},
		{"damaged", damaged, ", not loaded: finit_module: ENOEXEC (exec format error)", ", loaded"},
		{"none", "", none, none},
	} {
		k := *kernels[0]
		p.Name, k.Modules = tc.name, tc.modules
		rec, err := runner.Ask(t.Context(), p, &k, "socket/packet/capture,socket/tcp6/loopback,lo/addr6,socket/tcp4/loopback,kernel/tun")
		require.NoError(t, err)
		want := map[string]string{
			"socket/packet/capture": "PACKET is m: module af_packet" + tc.packet,
			"socket/tcp6/loopback":  "IPV6 is m: module ipv6" + tc.ipv6,
			"lo/addr6":              "IPV6 is m: module ipv6" + tc.ipv6,
			"socket/tcp4/loopback":  "INET is on",
			"kernel/tun":            "TUN is off",
		}
		require.Len(t, rec.Findings, len(want), tc.name)
		for _, f := range rec.Findings {
			require.Len(t, f.Symbols, 1)
			assert.Equal(t, want[f.ID], f.Symbols[0].String(), "%s: %s", tc.name, f.ID)
			verdict := wire.Works
			switch s := f.Symbols[0]; {
			case s.Value == "n":
				verdict = wire.Absent
			case s.Value == "m" && !s.Loaded:
				verdict = wire.Inconclusive
			}
			assert.Equal(t, verdict, f.Verdict, "%s: %s: %s %s", tc.name, f.ID, f.Errno, f.Detail)
		}
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/vmtests/explanation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExplain asks the installed kernel source as a person would. It uses the cache that
// netstrip itself does, where the source is unpacked.
func TestExplain(t *testing.T) {
	if testing.Short() && os.Getenv(requireVM) == "" {
		t.Skip("-short: THE KERNEL'S KCONFIG IS NOT ASKED; run: make test")
	}
	if _, err := os.Stat("/usr/src/linux-source-6.12.tar.xz"); err != nil {
		require.Empty(t, os.Getenv(requireVM), "%s is set: %v", requireVM, err)
		t.Skipf("THE KERNEL'S KCONFIG IS NOT ASKED: %v", err)
	}
	t.Setenv("NETSTRIP_SOURCE", "")
	netstrip := func(want int, args ...string) (out, errs string) {
		var stdout, stderr bytes.Buffer
		require.Equal(t, want, execute(append([]string{"explain", "--quiet"}, args...), &stdout, &stderr), "%s", &stderr)
		return stdout.String(), stderr.String()
	}
	out, errs := netstrip(0, "--json", "--profile", "no-net", "virtio_net", "CONFIG_UNIX", "cs89X0")
	assert.Empty(t, errs)
	var got []explain.Explanation
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Len(t, got, 3)
	assert.Equal(t, "VIRTIO_NET", got[0].Symbol)
	assert.Equal(t, "it needs NETDEVICES, which is n; NETDEVICES needs NET, which is n, as no-net.config:3 asks", got[0].Why)
	assert.Equal(t, []string{"AF_UNIX_OOB", "UNIX", "UNIX_DIAG"}, got[1].Without.Gone)
	assert.Equal(t, "n", got[1].Value)
	assert.Equal(t, "CS89x0", got[2].Symbol, "some names are not all capitals")

	out, _ = netstrip(0, "--check", "net_ns")
	assert.Contains(t, out, "NET_NS: Network namespace\n  type        bool\n  defined     init/Kconfig:")
	assert.Contains(t, out, "checked     with everything else on, 1 are gone, and 1 can never be set; 0 differ\n")

	out, _ = netstrip(0, "--against", "services-no-net", "NET")
	assert.Contains(t, out, "  against services-no-net on 6.12: ")
	assert.Contains(t, out, "  IO_URING is on, but absent: EOPNOTSUPP\n    kernel/io-uring/accept ")
	out, _ = netstrip(0, "--against", "no-unix", "--json", "UNIX")
	var against []explanation.Explanation
	require.NoError(t, json.Unmarshal([]byte(out), &against))
	require.Len(t, against, 1)
	assert.Equal(t, "UNIX", against[0].Symbol)
	assert.NotZero(t, against[0].Against.Gone)
	assert.Empty(t, against[0].Against.Disagree)

	out, errs = netstrip(2, "NET", "NETT", "NO_SUCH_SYMBOL_AT_ALL")
	assert.Empty(t, out)
	assert.Equal(t, "netstrip: CONFIG_NETT: this kernel has no such symbol; did you mean NET?\n"+
		"netstrip: CONFIG_NO_SUCH_SYMBOL_AT_ALL: this kernel has no such symbol\n", errs)
}

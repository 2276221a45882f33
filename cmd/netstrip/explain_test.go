package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/vmtests/explanation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// explainer runs netstrip explain, which is to exit with want.
func explainer(t *testing.T) func(want int, args ...string) (out, errs string) {
	return func(want int, args ...string) (out, errs string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		require.Equal(t, want, execute(append([]string{"explain", "--quiet"}, args...), &stdout, &stderr), "%s", &stderr)
		return stdout.String(), stderr.String()
	}
}

// TestExplain asks the installed kernel source as a person would. It uses the cache that
// netstrip itself does, where the source is unpacked.
func TestExplain(t *testing.T) {
	needKconfig(t)
	netstrip := explainer(t)
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

// TestExplainSeveral asks for two architectures, of which one has no Kconfig file for a symbol, and
// for a series that does not exist.
func TestExplainSeveral(t *testing.T) {
	needKconfig(t)
	if _, err := exec.LookPath("aarch64-linux-gnu-gcc"); err != nil {
		require.Empty(t, os.Getenv(requireVM), "%s is set: %v", requireVM, err)
		t.Skipf("KCONFIG IS NOT ASKED FOR ARM64: %v", err)
	}
	netstrip := explainer(t)
	out, errs := netstrip(0, "--arch", "x86_64,arm64", "net_ns", "X86_64=y", "--profile", "full")
	assert.Empty(t, errs)
	assert.Contains(t, out, "NET_NS in full (the same on x86_64, arm64)\n  prompt       Network namespace\n")
	assert.Regexp(t, `\n\nX86_64 in full\n +x86_64 +arm64\n\* no answer +no Kconfig file that is read for arm64\n`, out)

	bin := t.TempDir() // asking Debian's archive would take a minute
	require.NoError(t, os.WriteFile(filepath.Join(bin, "apt-get"), []byte("#!/bin/sh\necho E: no archive >&2; exit 100\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	out, errs = netstrip(3, "--series", "6.12,9.9", "--arch", "x86_64,arm64", "--json", "X86_64", "UNIX")
	assert.Contains(t, errs, "netstrip: asking 9.9-x86_64: finding the source of Linux 9.9: ")
	var got explanation.Several
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	var names []string
	for i, k := range got.Kernels {
		names = append(names, k.Name)
		assert.Equal(t, k.Series == "9.9", k.Error != "", k.Name)
		assert.Equal(t, k.Error == "", got.Symbols[1].Answers[i] != nil, k.Name)
	}
	assert.Equal(t, []string{"6.12-x86_64", "6.12-arm64", "9.9-x86_64", "9.9-arm64"}, names)
	assert.Nil(t, got.Symbols[0].Answers[1])
	assert.Equal(t, "no Kconfig file that is read for arm64 defines it", got.Symbols[0].Absent[1])
	assert.Equal(t, []string{"AF_UNIX_OOB", "UNIX", "UNIX_DIAG"}, got.Symbols[1].Answers[1].Without.Gone)
	assert.Empty(t, got.Symbols[1].Differ)
}

// These are wrong for any kernel.
func TestExplainSeveralUsage(t *testing.T) {
	netstrip := explainer(t)
	for args, want := range map[string]string{
		"--series 6.1,6.1 NET":               "6.1,6.1: want different names with commas between them",
		"--arch x86_64, NET":                 "x86_64,: want different names with commas between them",
		"--series 6.1,new NET":               `--series or NETSTRIP_SERIES "new": want a kernel series`,
		"--arch x86_64,vax NET":              `no such architecture: "vax"`,
		"--series 6.1,6.12 --source /no NET": "--series 6.1,6.12: --source and --source-url name one kernel source, and not one for each series",
	} {
		_, errs := netstrip(2, strings.Fields(args)...)
		assert.Contains(t, errs, want, args)
	}
}

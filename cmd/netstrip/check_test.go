package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCheck checks a config as a person would, against the installed kernel source.
func TestCheck(t *testing.T) {
	if testing.Short() && os.Getenv(requireVM) == "" {
		t.Skip("-short: THE KERNEL'S KCONFIG IS NOT ASKED; run: make test")
	}
	if _, err := os.Stat("/usr/src/linux-source-6.12.tar.xz"); err != nil {
		require.Empty(t, os.Getenv(requireVM), "%s is set: %v", requireVM, err)
		t.Skipf("THE KERNEL'S KCONFIG IS NOT ASKED: %v", err)
	}
	t.Setenv("NETSTRIP_SOURCE", "")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	config := write("mine.config", "CONFIG_64BIT=y\nCONFIG_EXPERT=y\nCONFIG_NET=y\n# CONFIG_INET is not set\nCONFIG_UNIX=y\n"+
		"# CONFIG_CPU_MITIGATIONS is not set\nCONFIG_MODULES=y\nCONFIG_PACKET=m\n")
	netstrip := func(want int, args ...string) string {
		var stdout, stderr bytes.Buffer
		require.Equal(t, want, execute(args, &stdout, &stderr), "%s%s", &stdout, &stderr)
		return stdout.String()
	}
	there := write("there", "NET\nUNIX=m\nPACKET\n# CONFIG_INET is not set\n# CONFIG_RETPOLINE_NEVER_WAS is not set\n")
	out := netstrip(0, "check", "--quiet", "--config", config, "--want", there)
	assert.Contains(t, out, "mine.config on Linux 6.12: 5 of 5 wanted symbols are there\n")
	assert.Contains(t, out, "there:2: UNIX=y: built in, which meets m\n")
	assert.Contains(t, out, "there:3: PACKET=m\n")
	assert.Contains(t, out, "there:5: RETPOLINE_NEVER_WAS: this kernel has no such symbol, so it is off\n")

	netstrip(2, "check", "--quiet", "--config", config, "--want", there, "--fragment", write("typo.config", "CONFIG_NO_SUCH=y\n"))
	refused := write("refused.config", "CONFIG_UNIX=m\nCONFIG_PACKET=y\n")
	for _, args := range [][]string{{"check", "--profile", "no-inet", "--want", there}, {"build", "no-inet"}} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 2, execute(append(args, "--quiet", "--override", "--fragment", refused), &stdout, &stderr), "%s%s", &stdout, &stderr)
		assert.Empty(t, stdout.String())
		assert.Regexp(t, `refused\.config:1: CONFIG_UNIX: wanted m, got n: ask for y: UNIX cannot be a module\n$`, stderr.String(), args[0])
	}

	missing := write("missing", "NET_CLS_ACT\nRETPOLINE=y\nPACKET=y\nCFI_CLANG=y\nNO_SUCH_SYMBOL=y\nNET\n")
	out = netstrip(1, "check", "--quiet", "--config", config, "--want", missing, "--json")
	var got explain.List
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	assert.Equal(t, 5, got.Missing)
	require.Len(t, got.Answers, 6)
	assert.Equal(t, []string{"CONFIG_NET_SCHED=y", "CONFIG_NET_CLS_ACT=y"}, got.Answers[0].Way.Add)
	assert.Equal(t, "renamed", got.Answers[1].State)
	assert.Equal(t, []string{"CONFIG_CPU_MITIGATIONS=y"}, got.Answers[1].Way.Add)
	assert.Equal(t, "m", got.Answers[2].Got)
	assert.Equal(t, []string{"CONFIG_PACKET=y"}, got.Answers[2].Way.Add)
	assert.True(t, got.Answers[3].Way.Never)
	assert.Contains(t, got.Answers[3].Why, "arch/Kconfig:827 tests $(cc-option,-fsanitize=kcfi): this gcc ")
	assert.Equal(t, "unknown", got.Answers[4].State)
	assert.True(t, got.Answers[5].Met)
	assert.ElementsMatch(t, []string{"CONFIG_NET_SCHED=y", "CONFIG_NET_CLS_ACT=y", "CONFIG_CPU_MITIGATIONS=y", "CONFIG_PACKET=y"}, got.Together.Add)

	out = netstrip(0, "explain", "--quiet", "--config", config, "NET_ACT_MIRRED=y")
	assert.Contains(t, out, "  for y       add CONFIG_NET_SCHED=y, CONFIG_NET_CLS_ACT=y, CONFIG_NET_ACT_MIRRED=y\n")
	out = netstrip(0, "explain", "--quiet", "--profile", "no-net", "netns/file")
	assert.Contains(t, out, "netns/file points to NET_NS\n")
	assert.Contains(t, out, "n in no-net: it needs NET, which is n, as no-net.config:3 asks\n")
}

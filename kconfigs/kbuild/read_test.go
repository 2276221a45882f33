package kbuild

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
)

// reading reads a user's .config with the fragments of a profile.
func reading(t *testing.T, b *Builder, k configurer, text string, frags ...kconfigs.Fragment) (unmet, remarks []string) {
	t.Helper()
	p, err := kconfigs.UserConfig("my.config", []byte(text))
	require.NoError(t, err)
	req, err := p.With(frags...).Request()
	require.NoError(t, err)
	r, err := b.Read(t.Context(), k, req)
	require.NoError(t, err)
	for _, p := range r.Unmet {
		unmet = append(unmet, p.String())
	}
	return unmet, r.Remarks
}

// TestReadReal passes .configs with lines that Kconfig ignores to the real Kconfig.
func TestReadReal(t *testing.T) {
	b := realSource(t)
	k, err := b.Kconf(t.Context())
	require.NoError(t, err)
	defer k.Close()

	frag, err := kconfigs.ParseFragment("more.config", []byte("CONFIG_HZ_250=y\n# CONFIG_RETPOLINES is not set\n"))
	require.NoError(t, err)
	unmet, remarks := reading(t, b, k, "# Linux/x86 5.10.1 Kernel Configuration\nCONFIG_64BIT=y\nCONFIG_NET=y\nCONFIG_NF_NAT_NEEDED=y\n"+
		"CONFIG_NET_ACT_MIRRED=y\n# CONFIG_NO_SUCH_THING is not set\nCONFIG_PACKETT=y\nCONFIG_NET_INGRESS=y\nCONFIG_LOG_BUF_SHIFT=40\n"+
		"# CONFIG_MODULES is not set\nCONFIG_TUN=m\nCONFIG_HZ_1000=y\n# CONFIG_PCI is not set\nCONFIG_INET=y \n", frag)
	assert.Equal(t, []string{
		"my.config:4: CONFIG_NF_NAT_NEEDED: this kernel has no such symbol",
		"my.config:5: CONFIG_NET_ACT_MIRRED: wanted y, got n: it needs NET_SCHED, which is n: add CONFIG_NET_SCHED=y, CONFIG_NET_CLS_ACT=y",
		"my.config:7: CONFIG_PACKETT: this kernel has no such symbol; did you mean PACKET?",
		"my.config:9: CONFIG_LOG_BUF_SHIFT: wanted 40, got 25: the range is 12 to 25 (init/Kconfig:767)",
		"my.config:11: CONFIG_TUN: wanted m, got n: TUN needs NETDEVICES, which is n: add CONFIG_NETDEVICES=y, and ask for y: there are no modules here, as my.config:10 asks",
		"my.config:12: CONFIG_HZ_1000: wanted y, got n: only one member of the choice kernel/Kconfig.hz:6 can be on: HZ_250, as more.config:1 asks; " +
			`without that line: add "# CONFIG_HZ_250 is not set"`,
		"my.config:8: CONFIG_NET_INGRESS: wanted y, got n: it has no prompt: one of NETFILTER_INGRESS or NET_XGRESS must select it: add CONFIG_BPF_SYSCALL=y",
	}, unmet, "what follows from others comes last")
	assert.Equal(t, []string{
		"my.config: 1 lines end in white space: read without it",
		"more.config:2: CONFIG_RETPOLINES: this kernel has no such symbol, so it is off, as asked",
		"my.config:1: made for Linux 5.10.1, but read with the Kconfig files of " + b.Source.Series(),
		"my.config: 13 lines; everything else has Kconfig's default, as with make olddefconfig; to add these lines to tiny: tiny --fragment my.config",
	}, remarks)

	// There are no remarks on a .config that Kconfig has written.
	p, err := kconfigs.UserConfig("my.config", []byte("CONFIG_64BIT=y\n"))
	require.NoError(t, err)
	req, err := p.Request()
	require.NoError(t, err)
	j := &job{Builder: b, asked: req, conf: k}
	j.tree, err = b.Source.Tree(t.Context())
	require.NoError(t, err)
	whole, err := j.configure(t.Context())
	require.NoError(t, err)
	unmet, remarks = reading(t, b, k, string(whole))
	assert.Empty(t, unmet)
	assert.Empty(t, remarks)
}

// A .config of another kernel has many unmet lines. Only the first have reasons, which take long
// to find.
func TestReadMany(t *testing.T) {
	b := newBuilder(t, newCache(t))
	k, err := b.open(t.Context())
	require.NoError(t, err)
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "CONFIG_NET%d=y\n", i)
	}
	unmet, _ := reading(t, b, k, text.String())
	require.Len(t, unmet, 50)
	assert.Equal(t, "my.config:50: CONFIG_NET49: this kernel has no such symbol", unmet[49])
}

// No line of a .config can change what Kconfig takes from the tools; a symbol with a prompt can be
// changed, whatever its name.
func TestApart(t *testing.T) {
	all := []kconfigs.Setting{{Symbol: "CC_VERSION_TEXT"}, {Symbol: "GCC10_NO_ARRAY_BOUNDS"}, {Symbol: "CC_OPTIMIZE_FOR_SIZE"}, {Symbol: "NET_INGRESS"}}
	missed, tools := apart(all, map[string]int{"CC_VERSION_TEXT": 1, "GCC10_NO_ARRAY_BOUNDS": 1, "NET_INGRESS": 1})
	assert.Equal(t, all[2:], missed)
	assert.Equal(t, all[:2], tools)
}

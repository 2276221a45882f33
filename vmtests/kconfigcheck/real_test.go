package kconfigcheck_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild/kbuildtest"
	"github.com/netstrip/netstrip/vmtests/expect"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// pairs are symbols, and profiles without them.
const pairs = `NET no-net, NET tiny, INET no-inet, IPV6 no-ipv6, UNIX no-unix, NET_NS no-netns, PACKET no-packet,
	INET bare-net, NET services-no-net, INET services-no-inet, NET defconfig-no-net, NET full, NET services, NET defconfig`

// Kconfig is compared with the expected findings for every kernel made from fragments. No
// guest is booted.
func TestExpectations(t *testing.T) {
	b, k := kbuildtest.Open(t, "6.12")
	var got strings.Builder
	for _, pair := range strings.Split(pairs, ",") {
		symbol, profile, _ := strings.Cut(strings.TrimSpace(pair), " ")
		p, err := kconfigs.Lookup(profile)
		require.NoError(t, err)
		req, err := p.Request()
		require.NoError(t, err)
		w, err := b.ConfigState(t.Context(), k, req)
		require.NoError(t, err)
		table, err := os.ReadFile("families.txt")
		require.NoError(t, err)
		for line := range strings.Lines(string(table)) {
			if family, s, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(family, "AF_") {
				assert.True(t, w.Has(strings.TrimSpace(s)), "the kernel has no symbol for %s: %s", family, s)
			}
		}
		findings, err := expect.Expected("6.12", profile)
		require.NoError(t, err)
		on := func(s string) bool {
			assert.True(t, w.Has(s), "the kernel has no symbol %s", s)
			return w.Values[s].Value == "y"
		}
		cmp, err := kconfigcheck.Compare(w.Closure(symbol).Gone, on, findings)
		require.NoError(t, err)
		for _, d := range cmp.Disagree {
			assert.NotEmpty(t, d.Why, "%[2]s is %[3]s with %[4]v on %[1]s for no known reason", profile, d.Probe, d.Verdict, d.Symbols)
		}
		assert.Equal(t, len(findings), cmp.Gone+cmp.Off+cmp.On+len(cmp.Disagree))
		cmp.Profile, cmp.Series = profile, "6.12"
		require.NoError(t, cmp.Write(&got, symbol))
	}
	const file = "testdata/expectations.golden"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

// Every symbol of the catalogue that can be m has its module in the table, with the name that the
// kernel's makefiles give it.
func TestModuleTable(t *testing.T) {
	b, k := kbuildtest.Open(t, "6.12")
	symbols, err := k.Symbols()
	require.NoError(t, err)
	tristate := map[string]bool{}
	for _, s := range symbols {
		tristate[s.Name] = s.Type == "tristate"
	}
	tree, err := b.Source.Tree(t.Context())
	require.NoError(t, err)
	var makefiles strings.Builder
	for _, dir := range []string{"crypto", "drivers/block", "drivers/net", "drivers/ptp", "fs/9p", "fs/fuse", "net"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(tree, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == "Makefile" {
				var text []byte
				text, err = os.ReadFile(path)
				makefiles.Write(append(text, '\n'))
			}
			return err
		}))
	}
	for _, p := range wire.Probes() {
		for _, s := range p.Symbols {
			module := kconfigcheck.ModuleOf(s)
			if !tristate[s] {
				assert.Contains(t, []string{"", "unix"}, module, "%s cannot be m", s)
				continue
			}
			require.NotEmpty(t, module, "%s can be m: its module is not in modules.txt", s)
			assert.Regexp(t, `(?m)^obj-\$\(CONFIG_`+s+`\)\s*[:+]=.*\b`+module+`\.o\b`, makefiles.String(), s)
		}
	}
}

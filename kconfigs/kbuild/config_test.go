package kbuild

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/programs"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// realSource returns a builder with the installed kernel source and netstrip's usual cache, where it
// is unpacked only once.
func realSource(t *testing.T) *Builder {
	t.Helper()
	if testing.Short() && os.Getenv("NETSTRIP_REQUIRE_VM") == "" {
		t.Skip("-short: THE REAL KCONFIG IS NOT ASKED; run: make test")
	}
	needTools(t, programs.For("build")...)
	c, err := cache.Open("")
	require.NoError(t, err)
	s, err := source.Open(context.Background(), source.Options{Cache: c})
	if err != nil {
		require.Empty(t, os.Getenv("NETSTRIP_REQUIRE_VM"), "NETSTRIP_REQUIRE_VM is set: %v", err)
		t.Skip(err)
	}
	return &Builder{Cache: c, Source: s}
}

// TestRealConfigs passes both ends of the ladder, and requests that cannot be met, to the real
// kconfig. It compiles no kernel; every build verifies its own profile.
func TestRealConfigs(t *testing.T) {
	ctx := context.Background()
	b := realSource(t)
	tree, err := b.Source.Tree(ctx)
	require.NoError(t, err)
	k, err := b.Kconf(ctx)
	require.NoError(t, err)
	defer k.Close()
	configure := func(req kconfigs.Request) error {
		_, err := (&job{Builder: b, asked: req, tree: tree, conf: k}).configure(ctx)
		return err
	}
	for _, tt := range []struct{ profile, fragment, want string }{
		{"full", "CONFIG_TUN=y\n", ""},
		{"bare-net", "", ""},
		{"no-net", "# a Unix socket\n\nCONFIG_UNIX=y\n", "mine.config:3: CONFIG_UNIX: wanted y, got n: it needs NET, which is n, as no-net.config:3 asks; " +
			"without that line: add CONFIG_NET=y"},
		{"full", "CONFIG_TUN=m\nCONFIG_LOG_BUF_SHIFT=40\n# CONFIG_FAILOVER is not set\n", "" +
			"mine.config:1: CONFIG_TUN: wanted m, got y: ask for y: there are no modules here, as base.config:55 asks\n" +
			"mine.config:2: CONFIG_LOG_BUF_SHIFT: wanted 40, got 25: the range is 12 to 25 (init/Kconfig:767)\n" +
			"mine.config:3: CONFIG_FAILOVER: wanted n, got y: it is selected by NET_FAILOVER (drivers/net/Kconfig:654); " +
			"NET_FAILOVER is selected by VIRTIO_NET (drivers/net/Kconfig:449), as nic.config:6 asks; " +
			`without that line: add "# CONFIG_VIRTIO_NET is not set"`},
		{"full", "CONFIG_NTE=y\n", "mine.config:1: CONFIG_NTE: this kernel has no such symbol; did you mean NET?"},
		{"full", "CONFIG_LOG_BUF_SHIFT=y\nCONFIG_SYSVIPC=5\nCONFIG_HZ_100=y\nCONFIG_HZ_1000=y\n", "" +
			"mine.config:1: CONFIG_LOG_BUF_SHIFT: wanted y, got 17: it takes a value of type integer, not y, m or n\n" +
			"mine.config:2: CONFIG_SYSVIPC: wanted 5, got n: it is a bool and cannot be 5\n" +
			"mine.config:3: CONFIG_HZ_100: wanted y, got n: only one member of the choice kernel/Kconfig.hz:6 can be on: HZ_1000, as mine.config:4 asks; " +
			`without that line: add "# CONFIG_HZ_1000 is not set"`},
	} {
		p, err := kconfigs.Lookup(tt.profile)
		require.NoError(t, err)
		f, err := kconfigs.ParseFragment("mine.config", []byte(tt.fragment))
		require.NoError(t, err)
		req, err := p.With(f).Request()
		require.NoError(t, err)
		if err := configure(req); tt.want == "" {
			require.NoError(t, err, tt.profile)
		} else {
			require.EqualError(t, err, tt.want)
		}
	}
}

// Every profile can be configured for every architecture, as its fragments say.
func TestEveryProfileOnEveryArchitecture(t *testing.T) {
	on := realSource(t)
	tree, err := on.Source.Tree(t.Context())
	require.NoError(t, err)
	for _, a := range arch.All() {
		t.Run(a.Name, func(t *testing.T) {
			needTools(t, append(programs.For("build"), a.Compiler()+"gcc", a.Compiler()+"ld")...)
			b := &Builder{Cache: on.Cache, Source: on.Source, Arch: a}
			k, err := b.Kconf(t.Context())
			require.NoError(t, err)
			defer k.Close()
			for _, p := range append(kconfigs.Profiles(), kconfigs.Apps()...) {
				req, err := p.Request()
				require.NoError(t, err)
				if p.Prebuilt != nil {
					continue
				}
				_, err = (&job{Builder: b, asked: req, tree: tree, conf: k}).configure(t.Context())
				assert.NoError(t, err, p.Name)
			}
		})
	}
}

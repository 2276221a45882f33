// Package kbuildtest opens the Kconfig code of a real kernel for tests on the host.
package kbuildtest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/source"
)

// Open returns a builder for Debian's source package of a series ("6.12" or "6.1"), and its
// Kconfig code, which runs until the test ends. It skips the test under -short; for 6.1,
// unless NETSTRIP_FULL is set; and if that source is not installed, which is a failure under
// NETSTRIP_REQUIRE_VM.
func Open(tb testing.TB, series string) (*kbuild.Builder, *kconf.Kconfig) {
	tb.Helper()
	required := os.Getenv("NETSTRIP_REQUIRE_VM") != ""
	if testing.Short() && !required {
		tb.Skip("-short: THE KERNEL'S KCONFIG IS NOT ASKED; run: make test")
	}
	if series != "6.12" && os.Getenv("NETSTRIP_FULL") == "" {
		tb.Skipf("LINUX %s IS NOT TESTED: NETSTRIP_FULL=1 does", series)
	}
	path := "/usr/src/linux-source-" + series + ".tar.xz"
	if _, err := os.Stat(path); err != nil {
		require.False(tb, required, "NETSTRIP_REQUIRE_VM is set: %v", err)
		tb.Skipf("LINUX %s IS NOT TESTED: %v", series, err)
	}
	c, err := cache.Open("")
	require.NoError(tb, err)
	s, err := source.Open(tb.Context(), source.Options{Path: path, Cache: c})
	require.NoError(tb, err)
	b := &kbuild.Builder{Cache: c, Source: s}
	k, err := b.Kconf(tb.Context())
	require.NoError(tb, err)
	tb.Cleanup(k.Close)
	return b, k
}

// Package kbuildtest opens the Kconfig code of real kernels for tests on the host.
package kbuildtest

import (
	_ "embed"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/source"
)

//go:embed kernels.txt
var kernels string

// Kernel is a kernel whose Kconfig files are tested.
type Kernel struct {
	*kbuild.Builder
	Kconfig *kconf.Kconfig
	// Quick is set if there is time for a part of the test only.
	Quick bool
}

// Each runs a test for each kernel of kernels.txt. It skips those that only make full tests, unless
// NETSTRIP_FULL is set, and those that Open skips.
func Each(t *testing.T, test func(t *testing.T, k Kernel)) {
	for line := range strings.Lines(kernels) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] == "#" {
			continue
		}
		t.Run(f[0]+"-"+f[1], func(t *testing.T) {
			b, k := open(t, f[0], f[1])
			test(t, Kernel{Builder: b, Kconfig: k, Quick: f[2] == "quick" && os.Getenv("NETSTRIP_FULL") == ""})
		})
	}
}

// Open returns a builder of x86_64 kernels for the source of a series, and its Kconfig code, which
// runs until the test ends. It skips the test under -short; for a series that kernels.txt leaves to
// make full, unless NETSTRIP_FULL is set; and if the source is not installed, which is a failure under
// NETSTRIP_REQUIRE_VM.
func Open(tb testing.TB, series string) (*kbuild.Builder, *kconf.Kconfig) {
	tb.Helper()
	return open(tb, series, arch.All()[0].Name)
}

// when returns the last word of a kernel's line in kernels.txt.
func when(series, of string) string {
	for line := range strings.Lines(kernels) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == series && f[1] == of {
			return f[2]
		}
	}
	return "full"
}

func open(tb testing.TB, series, of string) (*kbuild.Builder, *kconf.Kconfig) {
	tb.Helper()
	if when(series, of) == "full" && os.Getenv("NETSTRIP_FULL") == "" {
		tb.Skipf("LINUX %s FOR %s IS NOT TESTED: NETSTRIP_FULL=1 does", series, of)
	}
	required := os.Getenv("NETSTRIP_REQUIRE_VM") != ""
	if testing.Short() && !required {
		tb.Skip("-short: THE KERNEL'S KCONFIG IS NOT ASKED; run: make test")
	}
	b, err := kbuild.Open(tb.Context(), "", source.Options{Series: series, Arch: of})
	var k *kconf.Kconfig
	if err == nil {
		k, err = b.Kconf(tb.Context())
	}
	if err != nil && !required {
		tb.Skipf("LINUX %s FOR %s IS NOT TESTED: %v", series, of, err)
	}
	require.NoError(tb, err)
	tb.Cleanup(k.Close)
	return b, k
}

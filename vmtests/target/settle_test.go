package target

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kbuild/kbuildtest"
	"github.com/netstrip/netstrip/kconfigs/kernel"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/compare"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCompareOtherKernels reads .configs of kernels that were not built from the current source.
func TestCompareOtherKernels(t *testing.T) {
	b, k := kbuildtest.Open(t, "6.12")
	config := filepath.Join(t.TempDir(), "config")
	settle := func(version, text string) ([]string, error) {
		require.NoError(t, os.WriteFile(config, []byte(text), 0o644))
		s := &Target{Side: &compare.Side{Name: "abcd", Kernel: &kbuild.Kernel{Built: kernel.Built{Version: version}, Config: config}}}
		err := s.settleBuilt(t.Context(), b, k)
		return s.Notes, err
	}
	notes, err := settle("6.12.1-cloud", "CONFIG_64BIT=y\n# CONFIG_NET is not set\n")
	require.NoError(t, err)
	assert.Empty(t, notes)
	notes, err = settle("6.12.1-cloud", "CONFIG_64BIT=y\nCONFIG_NO_SUCH_SYMBOL=y\nCONFIG_SPARC=y\n")
	require.NoError(t, err)
	assert.Equal(t, []string{"abcd (6.12.1-cloud) is read with the Kconfig files of the current source, in which 2 of its symbols differ or are missing"}, notes)
	_, err = settle("6.1.192", "CONFIG_64BIT=y\n")
	require.ErrorContains(t, err, "the kernel abcd is Linux 6.1.192, but the current source is 6.12.")
	assert.ErrorAs(t, err, &usage.Error{})
	require.NoError(t, os.Remove(config))
	err = (&Target{Side: &compare.Side{Name: "abcd", Kernel: &kbuild.Kernel{Config: config}}}).settleBuilt(t.Context(), b, k)
	require.EqualError(t, err, "the kernel abcd came without a .config: there is nothing to compare")
}

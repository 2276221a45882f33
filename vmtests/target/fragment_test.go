package target

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The name of a kernel says which fragments it has, also where names have a + of their own.
func TestSplitFragments(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, file := range []string{"mine.config", "a+b.config", "base.config", "plain"} {
		require.NoError(t, os.WriteFile(file, []byte("CONFIG_TUN=y\n"), 0o644))
	}
	for arg, want := range map[string][]string{
		"full":                              {"full"},
		"full+apps":                         {"full+apps"},
		"full+mine.config":                  {"full", "mine.config"},
		"full+apps+mine.config":             {"full+apps", "mine.config"},
		"full+mine.config+base.config":      {"full", "mine.config", "base.config"},
		"full+a+b.config":                   {"full", "a+b.config"},
		"full+mine.config+a+b.config":       {"full", "mine.config", "a+b.config"},
		"a+b.config":                        {"a+b.config"},
		"base.config+mine.config":           {"base.config", "mine.config"},
		"full+plain":                        {"full", "plain"},
		"full+none.config":                  {"full", "none.config"},
		"full+mine":                         {"full+mine"}, // the name of a record, perhaps
		"fulll+mine.config":                 {"fulll+mine.config"},
		"20260301T101500.123Z-4711/no-inet": {"20260301T101500.123Z-4711/no-inet"},
	} {
		kernel, files := splitFragments(arg)
		assert.Equal(t, want, append([]string{kernel}, files...), arg)
	}
	for arg, want := range map[string][3]string{
		"full": {"full"}, "full@6.1": {"full", "6.1"}, "full@arm64": {"full", "", "arm64"}, "base.config@7.3-arm64": {"base.config", "7.3", "arm64"},
		"full+mine.config@6.1": {"full+mine.config", "6.1"}, "latest/full@6.1": {"latest/full@6.1"}, "@6.1": {"@6.1"},
	} {
		kernel, series, arch := variant(arg)
		assert.Equal(t, want, [3]string{kernel, series, arch}, arg)
	}
	require.NoError(t, os.WriteFile("foreign.config", []byte("CONFIG_RISCV=y\n"), 0o644))
	t.Setenv("NETSTRIP_ARCH", "x86_64")
	assert.Equal(t, "riscv64", foreign("foreign.config"))
	assert.Empty(t, foreign("full")+foreign("mine.config"))
	assert.Equal(t, "full+mine", Plain("full+./mine.config"))
	assert.Equal(t, "mine", Plain("some/mine.config"))
}

//go:build linux

package lo

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with the file path, or writes it there with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// The corpus consists of /proc/net/if_inet6 of real machines.
func TestInet6Addresses(t *testing.T) {
	files, err := filepath.Glob("testdata/if_inet6/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			golden(t, strings.TrimSuffix(file, ".txt")+".golden", strings.Join(inet6Addresses(string(text)), "\n")+"\n")
		})
	}
}

func TestInet6AddressesRefuse(t *testing.T) {
	for _, line := range []string{
		"", "\n", "0001 01 80 10 80 lo", "zz000000000000000000000000000001 01 80 10 80 lo",
		"00000000000000000000000000000001 01 81 10 80 lo", "00000000000000000000000000000001 01 80 10 80",
	} {
		assert.Empty(t, inet6Addresses(line), "%q", line)
	}
}

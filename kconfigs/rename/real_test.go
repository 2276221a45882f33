package rename_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/kbuild/kbuildtest"
)

// gone are the old names that a series does not have, although they changed in a later one: they are
// newer than the series, or its updates changed them too.
var gone = map[string][]string{
	"6.1": {
		"CALL_DEPTH_TRACKING", "SLAB_DEPRECATED", // newer
		"NET_CLS_RSVP", "NET_CLS_RSVP6", "NET_CLS_TCINDEX", "NET_SCH_ATM", "NET_SCH_CBQ", "NET_SCH_DSMARK",
		"SPECTRE_BHI_OFF", "SPECTRE_BHI_ON", "SPECULATION_MITIGATIONS",
	},
}

// TestRenamesAreTrue compares the table with the Kconfig files of a kernel: from its release on,
// an old name is gone and its new name exists; before that it is the other way round.
func TestRenamesAreTrue(t *testing.T) {
	for _, series := range []string{"6.1", "6.12", "7.3"} {
		t.Run(series, func(t *testing.T) {
			at := number(t, series)
			b, _ := kbuildtest.Open(t, series)
			tree, err := b.Source.Tree(t.Context())
			require.NoError(t, err)
			defined := definitions(t, tree)
			require.Greater(t, len(defined), 15000)
			data, err := os.ReadFile("renames.txt")
			require.NoError(t, err)
			for line := range strings.Lines(string(data)) {
				f := append(strings.Fields(line), "", "")
				if f[0] == "" || f[0] == "#" {
					continue
				}
				past := number(t, f[2]) <= at
				if f[0] != "-" {
					has := !past && !slices.Contains(gone[series], f[0])
					assert.Equal(t, has, defined[f[0]], "%s: %s", f[0], line)
				}
				// A symbol that others were merged into may have existed before.
				if f[3] != "" && (past || f[1] == "added") {
					assert.Equal(t, past, defined[f[3]], "%s: %s", f[3], line)
				}
			}
		})
	}
}

// number converts a release to a number: 6.9 is 609. An empty one is long past.
func number(t *testing.T, release string) int {
	t.Helper()
	if release == "-" {
		return 0
	}
	major, minor, _ := strings.Cut(release, ".")
	x, err := strconv.Atoi(major)
	require.NoError(t, err)
	y, err := strconv.Atoi(minor)
	require.NoError(t, err)
	return x*100 + y
}

// definitions returns the symbols that the Kconfig files of a source define, for all
// architectures.
func definitions(t *testing.T, tree string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	require.NoError(t, filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "Documentation" || d.Name() == "tests") {
			if err != nil {
				return err
			}
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasPrefix(d.Name(), "Kconfig") {
			return nil
		}
		data, err := os.ReadFile(path)
		for line := range strings.Lines(string(data)) {
			if f := strings.Fields(line); len(f) > 1 && (f[0] == "config" || f[0] == "menuconfig") {
				all[f[1]] = true
			}
		}
		return err
	}))
	return all
}

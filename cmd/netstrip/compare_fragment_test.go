package main

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/netstrip/netstrip/vmtests/compare"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFragments compares one kernel with itself and a fragment, and two with one each.
func TestFragments(t *testing.T) {
	needKconfig(t)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("mine.config", []byte("CONFIG_TUN=y\n"), 0o644))
	require.NoError(t, os.WriteFile("guest.config", []byte("# CONFIG_PCI_MSI is not set\n"), 0o644))
	var got compare.Comparison
	out, _ := quiet(t, 0, "compare", "--config", "--json", "full", "--fragment", "mine.config")
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	assert.Equal(t, "full full+mine.config", got.A.Name+" "+got.B.Name)
	require.NotEmpty(t, got.Symbols.Asked)
	assert.Equal(t, "TUN mine.config:1", got.Symbols.Asked[0].Symbol+" "+got.Symbols.Asked[0].Asked)
	out, _ = quiet(t, 0, "compare", "--config", "full", "full+mine.config", "--fragment", "mine.config")
	assert.Contains(t, out, "full+mine.config to full+mine.config+mine.config: no symbol differs\n")
	assert.Contains(t, out, "netstrip build full --fragment mine.config --fragment mine.config\n")
	out, _ = quiet(t, 0, "bisect", "--good", "full", "--fragment", "mine.config", "--probe", "lo/up", "--dry-run")
	assert.Contains(t, out, "4 symbols differ, of which 3 can be set by themselves; first tried: CRC32, CRC32_SLICEBY8, TUN\n")
	out, _ = quiet(t, 0, "minimize", "--profile", "full", "--fragment", "mine.config", "--require", "lo/up", "--dry-run", "--json")
	assert.Contains(t, out, `"TUN"`)
	_, told := quiet(t, exitUsage, "compare", "--config", "full", "--fragment", "guest.config")
	assert.Contains(t, told, "guest.config:1: CONFIG_PCI_MSI: n is not available: the guest needs y")
}

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/configdiff"
	"github.com/netstrip/netstrip/vmtests/bisect"
	"github.com/netstrip/netstrip/vmtests/compare"
)

// configs writes .configs into a directory of the test's own, which it goes to. They are
// alike but for the lines given, in place of those of the same symbols.
func configs(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, lines := range files {
		text := "CONFIG_64BIT=y\nCONFIG_EXPERT=y\nCONFIG_NET=y\nCONFIG_TTY=y\n" + lines
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
}

// quiet runs a command, which must end so.
func quiet(t *testing.T, exit int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, told bytes.Buffer
	require.Equal(t, exit, execute(append(args, "--quiet"), &out, &told), "%v: %s%s", args, &out, &told)
	return out.String(), told.String()
}

// TestWhatTheGuestNeeds has .configs that differ in what every kernel booted here has alike.
// They are compared as they are, and no boot is made believe to tell.
func TestWhatTheGuestNeeds(t *testing.T) {
	needKconfig(t)
	const uarts = "CONFIG_SERIAL_8250=y\nCONFIG_SERIAL_8250_RUNTIME_UARTS=4\nCONFIG_SERIAL_8250_NR_UARTS="
	configs(t, map[string]string{
		"good.config":  "CONFIG_PCI=y\nCONFIG_PCI_MSI=y\n" + uarts + "4\n",
		"msi.config":   "CONFIG_PCI=y\n# CONFIG_PCI_MSI is not set\n" + uarts + "4\n",
		"many.config":  "# CONFIG_PCI is not set\n# CONFIG_FUTEX is not set\n" + uarts + "8\n",
		"mixed.config": "CONFIG_PCI=y\n# CONFIG_PCI_MSI is not set\nCONFIG_UNIX=y\n" + uarts + "4\n",
	})

	out, _ := quiet(t, 0, "compare", "--config", "good.config", "msi.config")
	assert.Contains(t, out, "good.config to msi.config: 2 symbols differ, 1 requested, 1 that followed\n")
	assert.Contains(t, out, "\nPCI_MSI y -> n: the guest needs y, so boots here cannot show it\n")
	assert.Contains(t, out, "1 other symbol is equal in both kernels because of what the guest needs, so boots here cannot show\nit: GENERIC_MSI_IRQ y -> n\n")

	forced := func(a, b string) map[string]string {
		var got compare.Comparison
		out, _ := quiet(t, 0, "compare", "--config", "--json", a, b)
		require.NoError(t, json.Unmarshal([]byte(out), &got))
		all := map[string]string{}
		for _, f := range got.Symbols.Guest.Forced {
			all[f.Symbol] = f.From + " " + f.To + " " + f.Needs
		}
		return all
	}
	want := map[string]string{"PCI": "y n y", "PCI_MSI": "y n y", "FUTEX": "y n y", "SERIAL_8250_NR_UARTS": "4 8 4"}
	assert.Equal(t, want, forced("good.config", "many.config"))
	profile := forced("tiny", "many.config")
	for symbol, values := range want {
		assert.Equal(t, values, profile[symbol], "a profile and a file")
	}
	assert.Equal(t, map[string]string{"PCI_MSI": "y n y"}, forced("good.config", "mixed.config"))

	ends := func(bad string, more ...string) string {
		_, told := quiet(t, exitUsage, append([]string{"bisect", "--good", "good.config", "--bad", bad}, more...)...)
		return told[strings.Index(told, "netstrip: --good"):] // after notes on the files
	}
	const only = "netstrip: --good good.config and --bad msi.config differ only in what boots here cannot show: " +
		"PCI_MSI y -> n (the guest needs y), GENERIC_MSI_IRQ y -> n; --command takes the .configs as they are\n"
	assert.Equal(t, only, ends("msi.config", "--boot"))
	assert.Equal(t, only, ends("msi.config", "--probe", "lo/up", "--dry-run"))
	assert.Equal(t, "netstrip: --good good.config and --bad good.config have the same .config: there is nothing to search\n",
		ends("good.config", "--command", "false", "--dry-run"))

	var plan bisect.Plan
	out, _ = quiet(t, 0, "bisect", "--good", "good.config", "--bad", "msi.config", "--command", "false", "--dry-run", "--json")
	require.NoError(t, json.Unmarshal([]byte(out), &plan))
	assert.Equal(t, []string{"PCI_MSI"}, plan.Changes, "a command takes the files as they are")
	assert.Nil(t, plan.Guest)
	out, _ = quiet(t, 0, "bisect", "--good", "good.config", "--bad", "mixed.config", "--boot", "--dry-run", "--json")
	require.NoError(t, json.Unmarshal([]byte(out), &plan))
	assert.Equal(t, []string{"UNIX"}, plan.Changes)
	assert.Equal(t, []configdiff.Forced{{Change: configdiff.Change{Symbol: "PCI_MSI", From: "y", To: "n"}, Needs: "y"}}, plan.Guest.Forced)
}

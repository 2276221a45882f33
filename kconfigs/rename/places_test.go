package rename_test

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kbuild/kbuildtest"
	"github.com/netstrip/netstrip/kconfigs/rename"
)

var update = flag.Bool("update", false, "write places.txt again")

const head = `# Where Linux 6.12 defines the symbols that netstrip's fragments name: symbol, type, file, the symbols
# before and after it in the file (-: it is the first or last), and its prompt if no other symbol has
# the same. A kernel in which a symbol has another name is recognized by this.
# go test ./kconfigs/rename -run TestPlacesAreTrue -update writes it.
`

// TestPlacesAreTrue compares the table with the Kconfig files of 6.12, on each architecture whose
// compiler is installed.
func TestPlacesAreTrue(t *testing.T) {
	b, _ := kbuildtest.Open(t, "6.12")
	wanted := map[string]bool{}
	for _, p := range kconfigs.Profiles() {
		req, err := p.Request()
		require.NoError(t, err)
		for _, s := range req.Settings {
			wanted[s.Symbol] = true
		}
	}
	lines := map[string]string{}
	whole := true
	for _, a := range arch.All() {
		k, err := (&kbuild.Builder{Cache: b.Cache, Source: b.Source, Arch: a}).Kconf(t.Context())
		if err != nil {
			t.Logf("THE SYMBOLS OF %s ARE NOT COMPARED: %v", a.Name, err)
			whole = false
			continue
		}
		t.Cleanup(k.Close)
		symbols, err := k.Symbols()
		require.NoError(t, err)
		there := rename.Places(kbuild.Entries(symbols), wanted)
		maps.Copy(there, lines) // the first architecture counts
		lines = there
	}
	text := head + strings.Join(slices.Sorted(maps.Values(lines)), "\n") + "\n"
	if *update {
		require.True(t, whole, "all compilers are needed")
		require.NoError(t, os.WriteFile("places.txt", []byte(text), 0o644))
	}
	data, err := os.ReadFile("places.txt")
	require.NoError(t, err)
	if whole {
		assert.Equal(t, string(data), text)
		return
	}
	for _, line := range lines {
		assert.Contains(t, string(data), line+"\n")
	}
}

// TestAnyRenamedSymbolIsFound renames each symbol of the table that x86 has, one at a time.
func TestAnyRenamedSymbolIsFound(t *testing.T) {
	_, k := kbuildtest.Open(t, "6.12")
	symbols, err := k.Symbols()
	require.NoError(t, err)
	entries := kbuild.Entries(symbols)
	data, err := os.ReadFile("places.txt")
	require.NoError(t, err)
	tried := 0
	for line := range strings.Lines(string(data)) {
		name, _, _ := strings.Cut(line, " ")
		renamed := slices.Clone(entries)
		there := false
		for i, e := range renamed {
			if e.Symbol == name {
				renamed[i].Symbol, there = "QUITE_ANOTHER_NAME", true
			}
		}
		if !there {
			continue
		}
		tried++
		m, ok := rename.Find(name, renamed)
		assert.True(t, ok, name)
		assert.Equal(t, "QUITE_ANOTHER_NAME", m.Symbol, name)
	}
	assert.Greater(t, tried, 80)
}

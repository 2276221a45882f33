package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netstrip/netstrip/vmtests/compare"
	"github.com/netstrip/netstrip/vmtests/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// needKconfig skips where there is no kernel source to ask, or none should be asked.
func needKconfig(t *testing.T) {
	t.Helper()
	if testing.Short() && os.Getenv(requireVM) == "" {
		t.Skip("-short: THE KERNEL'S KCONFIG IS NOT ASKED; run: make test")
	}
	if _, err := os.Stat("/usr/src/linux-source-6.12.tar.xz"); err != nil {
		require.Empty(t, os.Getenv(requireVM), "%s is set: %v", requireVM, err)
		t.Skipf("THE KERNEL'S KCONFIG IS NOT ASKED: %v", err)
	}
	t.Setenv("NETSTRIP_SOURCE", "")
	t.Setenv("NETSTRIP_SERIES", "")
}

// TestCompare compares profiles of the installed kernel source, built or not.
func TestCompare(t *testing.T) {
	needKconfig(t)
	netstrip := func(args ...string) string {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 0, execute(append([]string{"compare", "--quiet", "--config"}, args...), &stdout, &stderr), "%s", &stderr)
		assert.Empty(t, stderr.String())
		return stdout.String()
	}
	var got compare.Comparison
	require.NoError(t, json.Unmarshal([]byte(netstrip("--json", "full", "no-net")), &got))
	assert.Equal(t, "full", got.A.Name)
	require.Len(t, got.Symbols.Asked, 1)
	net := got.Symbols.Asked[0]
	assert.Equal(t, "NET no-net.config:3", net.Symbol+" "+net.Asked)
	assert.Len(t, net.Followed, got.Symbols.Differ-1)
	assert.Empty(t, got.Symbols.Left)

	t.Chdir(t.TempDir())
	const file = "mine.config"
	require.NoError(t, os.WriteFile(file, []byte("CONFIG_64BIT=y\nCONFIG_TTY=y\n# CONFIG_DEVTMPFS is not set\n"), 0o644))
	out := netstrip(file, file)
	assert.Contains(t, out, file+" to "+file+": no symbol differs\n")
	assert.Contains(t, out, "\n"+file+" is built and booted with these changes for the guest: BLK_DEV_INITRD=y (was n), DEVTMPFS=y (was n), ")
	assert.Contains(t, out, "\n"+file+" has not been built, so its sizes are unknown: netstrip build --config "+file+"\n")
	assert.Equal(t, 1, strings.Count(out, "has not been built"), "once for both")
	assert.NotContains(t, out, "bzImage")
}

// TestCompareBoots boots two kernels in turn, once, and names one of them in three ways.
func TestCompareBoots(t *testing.T) {
	needKconfig(t)
	p := newPlace(t)
	results := filepath.Join(t.TempDir(), "my results.jsonl")
	compared := func(args ...string) compare.Comparison {
		t.Helper()
		var stdout, stderr bytes.Buffer
		require.Equal(t, 0, execute(append([]string{"compare", "--quiet", "--json", "--results", results}, args...), &stdout, &stderr), "%s", &stderr)
		var got compare.Comparison
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &got))
		return got
	}
	got := compared("bare-net", "no-net")
	assert.Empty(t, got.Measures)
	assert.Contains(t, strings.Join(got.A.Notes, "\n"), "no boot of bare-net is recorded in "+results)
	assert.Contains(t, strings.Join(got.Notes, "\n"), "netstrip compare bare-net no-net --boots 10 --results '"+results+"' boots them alternately")

	got = compared("bare-net", "no-net", "--boots", "4")
	require.Len(t, got.A.Boots, 4)
	require.Len(t, got.B.Boots, 4)
	assert.Equal(t, map[record.Outcome]int{record.Completed: 4}, got.B.Outcomes)
	file, err := record.Store{Path: results}.Open()
	require.NoError(t, err)
	defer file.Close()
	records := file.Records
	for i, r := range records {
		assert.Equal(t, []string{"bare-net", "no-net"}[i%2], r.Profile, "in turn")
		if i > 0 {
			assert.False(t, r.Time.Before(records[i-1].Time.Add(time.Duration(records[i-1].Phases.Exit*1e9))), "one at a time")
		}
	}
	assert.Equal(t, "NET", got.Symbols.Asked[0].Symbol)

	key := got.B.Kernel.Key
	again := compared("latest/bare-net", key[:16], "--boots", "4")
	assert.Equal(t, got.Measures, again.Measures, "there are enough of %s", got.Run)
	assert.Equal(t, got.Symbols, again.Symbols, "the same profiles made them")
	again = compared("bare-net", filepath.Join(p.cache, "kernel", key, "bzImage"))
	assert.Nil(t, again.Symbols, "a kernel in a file has no .config")
	assert.Equal(t, got.B.Kernel.ImageBytes, again.B.Kernel.ImageBytes)

	bin := t.TempDir()
	script := "#!/bin/sh\ncase $1 in --version) echo QEMU emulator version 9 ;; *) echo no luck >&2; exit 1 ;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "qemu-system-x86_64"), []byte(script), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("NETSTRIP_ACCEL", "tcg")
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitRig, execute([]string{"compare", "bare-net", "no-net", "--boots", "5", "--quiet", "--results", results}, &stdout, &stderr))
	assert.Contains(t, stderr.String(), "netstrip: booting bare-net: qemu-failed: ")
	assert.Empty(t, stdout.String())
}

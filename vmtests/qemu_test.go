package vmtests

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
)

// Children of a program in QEMU's place are gone after the boot, and it sees only what it needs of
// netstrip's environment.
func TestNothingIsLeftOfQEMU(t *testing.T) {
	g, _ := testGuest(t)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o777))
	t.Setenv("SECRET_TOKEN", "hush")
	t.Setenv("NETSTRIP_SECRET", "hush")
	instead("env >"+dir+`/env; sleep 300 & echo $! >`+dir+`/child; exec "$qemu" "$@"`)(t, &g)
	start := time.Now()
	r, err := guest.Boot(t.Context(), g)
	require.NoError(t, err)
	assert.Equal(t, record.Completed, r.Outcome, r.Reason)
	assert.Empty(t, r.Notices)
	assert.Less(t, time.Since(start), patience)

	env, err := os.ReadFile(dir + "/env")
	require.NoError(t, err)
	assert.NotContains(t, string(env), "hush")
	assert.Contains(t, string(env), "PATH=")
	text, err := os.ReadFile(dir + "/child")
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child)) // empty for a zombie
	assert.Empty(t, string(command))
}

// VMTEST_ variables change nothing.
func TestVmtestVariables(t *testing.T) {
	g, _ := testGuest(t)
	for name, value := range map[string]string{
		"QEMU": "/none", "QEMU_APPEND": "-none", "KERNEL": "/none", "KERNEL_APPEND": "none", "INITRAMFS": "/none", "TIMEOUT": "none", "ARCH": "arm",
	} {
		t.Setenv("VMTEST_"+name, value)
	}
	r, err := guest.Boot(t.Context(), g)
	require.NoError(t, err)
	assert.Equal(t, record.Completed, r.Outcome, r.Reason)
	assert.NotContains(t, string(r.Console), " none")
}

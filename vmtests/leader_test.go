package vmtests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/vmtests/guest"
	"github.com/netstrip/netstrip/vmtests/record"
)

// What a program in QEMU's place has started is gone when the boot is over, and of netstrip's
// environment it has seen what it needs.
func TestNothingIsLeftOfQEMU(t *testing.T) {
	g, _ := testGuest(t)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o777))
	t.Setenv("SECRET_TOKEN", "hush")
	t.Setenv("NETSTRIP_SECRET", "hush")
	instead("env >"+dir+`/env; echo $$ >`+dir+`/group; sleep 300 & setsid sleep 300 & exec "$qemu" "$@"`)(t, &g)
	start := time.Now()
	r, err := guest.Boot(t.Context(), g)
	require.NoError(t, err)
	assert.Equal(t, record.Completed, r.Outcome, r.Reason)
	assert.Less(t, time.Since(start), patience)

	env, err := os.ReadFile(dir + "/env")
	require.NoError(t, err)
	assert.NotContains(t, string(env), "hush")
	assert.Contains(t, string(env), "PATH=")
	_, mark, found := strings.Cut(string(env), "NETSTRIP_BOOT"+"=")
	require.True(t, found)
	mark, _, _ = strings.Cut(mark, "\n")
	assert.Empty(t, marked(t, mark))
}

// marked are the living processes with a boot's mark in their environment.
func marked(t *testing.T, mark string) (left []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, path := range paths {
		env, _ := os.ReadFile(path) // of a zombie it is empty
		if strings.Contains(string(env), fmt.Sprintf("%s=%s\x00", "NETSTRIP_BOOT", mark)) {
			left = append(left, path)
		}
	}
	return left
}

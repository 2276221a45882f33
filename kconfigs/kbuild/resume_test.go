package kbuild

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// How long a test waits for another process, and the interval between checks.
const (
	waitFor = time.Minute
	tick    = 5 * time.Millisecond
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestRecoverTree(t *testing.T) {
	obj := t.TempDir()
	end := time.Now().Add(-time.Hour)
	ages := map[string]time.Duration{
		"kernel/fork.o":                0,
		"kernel/exit.o":                suspect - time.Second,
		"kernel/pid.o":                 suspect + time.Second,
		"kernel/.fork.o.cmd":           0,
		"scripts/kconfig/conf":         time.Second,
		"Makefile":                     0,
		".config":                      0,
		"include/config/auto.conf":     0,
		"include/generated/autoconf.h": 0,
	}
	restore := func() {
		for name, age := range ages {
			path := filepath.Join(obj, name)
			write(t, path, "x")
			require.NoError(t, os.Chtimes(path, end.Add(-age), end.Add(-age)))
		}
	}
	restore()
	require.NoError(t, recoverTree(obj))
	for name := range ages {
		assert.FileExists(t, filepath.Join(obj, name), "no build was interrupted")
	}

	require.NoError(t, markBuilding(obj))
	require.NoError(t, recoverTree(obj))
	gone := map[string]bool{"kernel/fork.o": true, "kernel/exit.o": true, "scripts/kconfig/conf": true}
	for name := range ages {
		_, err := os.Stat(filepath.Join(obj, name))
		assert.Equal(t, gone[name], os.IsNotExist(err), name)
	}

	restore()
	require.NoError(t, recoverTree(obj))
	assert.FileExists(t, filepath.Join(obj, "kernel/fork.o"), "recovering ends the interruption")
}

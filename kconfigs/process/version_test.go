package process

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	return path
}

// The version is the first line of standard output, whatever else a program prints.
func TestVersion(t *testing.T) {
	for name, tc := range map[string]struct{ does, want, err string }{
		"plain":              {"echo 'program 1.2'; echo more", "program 1.2", ""},
		"warnings before it": {"echo 'warning: no cpu' >&2; echo 'program 1.2'", "program 1.2", ""},
		"much on both":       {"head -c 10000000 /dev/zero >&2; echo 'program 1.2'; head -c 10000000 /dev/zero", "program 1.2", ""},
		"a line of 10 MB":    {"head -c 10000000 /dev/zero | tr '\\0' x", strings.Repeat("x", versionBytes), ""},
		"escapes":            {`printf 'program\033[31m 1.2\377\n'`, "program?[31m 1.2?", ""},
		"nothing":            {"echo hello >&2", "", "it prints no version"},
		"a failure":          {"echo 'cannot: no such library' >&2; exit 1", "", "exit status 1: cannot: no such library"},
	} {
		got, err := Version(t.Context(), script(t, tc.does), "--version")
		assert.Equal(t, tc.want, got, name)
		if tc.err == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, tc.err, name)
		}
	}
	_, err := Version(t.Context(), "no-such-program")
	assert.True(t, Missing(err))
}

func TestVersionDoesNotWaitForEver(t *testing.T) {
	_, err := version(t.Context(), 100*time.Millisecond, []string{script(t, "sleep 100 & sleep 100")})
	assert.ErrorContains(t, err, "no answer in 100ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = version(ctx, time.Minute, []string{script(t, "sleep 100")})
	assert.ErrorIs(t, err, context.Canceled)
}

// A program gets the variables that it needs, and no others, which may be secrets.
func TestEnviron(t *testing.T) {
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "LC_ALL", "CFLAGS", "GOPROXY", "https_proxy", "CCACHE_DIR"} {
		t.Setenv(name, "hush")
	}
	env := func(program string) string { return "\n" + strings.Join(Environ(program), "\n") + "\n" }
	assert.Equal(t, 0, strings.Count(env("qemu-system-x86_64"), "hush"), env("qemu-system-x86_64"))
	assert.Contains(t, env("sh"), "\nPATH="+os.Getenv("PATH")+"\n")
	assert.Contains(t, env("sh"), "\nLANG=C\n")
	assert.Contains(t, env("go"), "\nGOPROXY=hush\nhttps_proxy=hush\n")
	assert.Equal(t, 1, strings.Count(env("make"), "hush"), "ccache's")
	out, err := Output(t.Context(), Command{Args: []string{"env"}})
	require.NoError(t, err)
	assert.NotContains(t, out, "hush")
	all := ""
	_, err = Run(t.Context(), Command{Args: []string{"env"}, Inherit: true, OnLine: func(l string) { all += l }})
	require.NoError(t, err)
	assert.Contains(t, all, "GITHUB_TOKEN=hush")
}

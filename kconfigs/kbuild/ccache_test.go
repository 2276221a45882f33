package kbuild

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// If ccache is installed, it is run in front of the compiler, and its hits are counted.
func TestCcache(t *testing.T) {
	needTools(t, "gcc")
	gcc, err := exec.LookPath("gcc")
	require.NoError(t, err)
	bin := t.TempDir()
	calls := filepath.Join(t.TempDir(), "calls")
	// Like ccache, it acts on the name that it is called by, and logs the result.
	script := "#!/bin/sh\necho $CCACHE_DEPEND $@ >> " + calls + "\n" +
		"printf '# main.c\\ndirect_cache_hit\\n' >> $CCACHE_STATSLOG\nexec " + gcc + " \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "ccache"), []byte(script), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	b := newBuilder(t, newCache(t))
	k, err := b.Build(context.Background(), ask(t, "CONFIG_NET=y\n"))
	require.NoError(t, err)
	log, err := os.ReadFile(calls)
	require.NoError(t, err)
	assert.Contains(t, string(log), "1 -c -o init/main.o main.c\n")
	assert.Equal(t, 2, k.CacheHits)
}

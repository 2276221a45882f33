package initramfs

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindModule(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	find := func(dir string) (string, error) { return findModule(t.Context(), dir, nil) }
	found, err := find("")
	require.NoError(t, err)
	assert.Equal(t, filepath.Dir(here), found)

	module := fakeModule(t)
	found, err = find(module)
	require.NoError(t, err)
	assert.Equal(t, module, found)

	// In another checkout, the program still uses its own.
	for _, dir := range []string{filepath.Join(module, "initramfs", "probes"), t.TempDir()} {
		t.Chdir(dir)
		found, err = find("")
		require.NoError(t, err)
		assert.Equal(t, filepath.Dir(here), found)
	}
	// A program that does not know where it was compiled uses the checkout in which it is started.
	found, err = findCheckout("github.com/netstrip/netstrip/initramfs/module.go")
	assert.ErrorContains(t, err, "is inside module "+modulePath+"; run netstrip in a checkout of it", found)
	t.Chdir(filepath.Join(module, "initramfs"))
	found, err = findCheckout("github.com/netstrip/netstrip/initramfs/module.go")
	require.NoError(t, err)
	assert.Equal(t, module, found)

	other := t.TempDir()
	write(t, other, "go.mod", "module example.com/netstrip\n")
	_, err = find(other)
	assert.ErrorContains(t, err, other)
}

func TestReleased(t *testing.T) {
	own := debug.Module{Path: modulePath, Version: "v1.2.3", Sum: "h1:x"}
	checkout := debug.Module{Path: modulePath, Version: "v1.2.4-0.20260101000000-0123456789ab+dirty"}
	fork := debug.Module{Path: "example.com/fork", Version: "v1.0.0", Sum: "h1:y"}
	for name, tt := range map[string]struct {
		info *debug.BuildInfo
		want debug.Module
		ok   bool
	}{
		"no information":      {nil, debug.Module{}, false},
		"installed":           {&debug.BuildInfo{Main: own}, own, true},
		"built in a checkout": {&debug.BuildInfo{Main: checkout}, checkout, false},
		"a library":           {&debug.BuildInfo{Main: debug.Module{Path: "example.com/x"}, Deps: []*debug.Module{&own}}, own, true},
		"replaced":            {&debug.BuildInfo{Deps: []*debug.Module{{Path: modulePath, Version: "v1.2.3", Replace: &fork}}}, fork, true},
		"by a directory":      {&debug.BuildInfo{Deps: []*debug.Module{{Path: modulePath, Version: "v1.2.3", Replace: &debug.Module{Path: "../netstrip"}}}}, debug.Module{Path: "../netstrip"}, false},
		"another program":     {&debug.BuildInfo{Main: debug.Module{Path: "example.com/x"}}, debug.Module{}, false},
	} {
		got, ok := released(tt.info)
		assert.Equal(t, tt.ok, ok, name)
		assert.Equal(t, tt.want, got, name)
	}
}

// testVersion is the version of netstrip in a test's proxy.
const testVersion = "v0.0.1"

// proxy makes a directory that serves the files in a directory as netstrip to the go command, in
// the layout of a module proxy, and sets a module cache of its own. Other modules come from the
// user's module cache, which has the layout of a proxy too.
func proxy(t *testing.T, dir string, files []string) {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	require.NoError(t, err)
	at := t.TempDir()
	versions := filepath.Join(at, modulePath, "@v")
	require.NoError(t, os.MkdirAll(versions, 0o755))
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for _, name := range files {
		w, err := z.Create(modulePath + "@" + testVersion + "/" + name)
		require.NoError(t, err)
		_, err = w.Write(readFile(t, filepath.Join(dir, name)))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	for name, data := range map[string][]byte{
		"list": []byte(testVersion + "\n"), testVersion + ".info": []byte(`{"Version":"` + testVersion + `"}`),
		testVersion + ".mod": readFile(t, filepath.Join(dir, "go.mod")), testVersion + ".zip": archive.Bytes(),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(versions, name), data, 0o644))
	}
	t.Setenv("GOPROXY", "file://"+at+",file://"+filepath.Join(strings.TrimSpace(string(out)), "cache", "download"))
	t.Setenv("GONOSUMDB", "*")
	t.Setenv("GOPRIVATE", "")
	t.Setenv("GOFLAGS", "-modcacherw") // so that the test can remove it
	t.Setenv("GOMODCACHE", filepath.Join(t.TempDir(), "mod"))
}

func TestFetchModule(t *testing.T) {
	module := fakeModule(t)
	proxy(t, module, []string{"go.mod", "go.sum", "initramfs/cmds/uinit/main.go"})
	m := debug.Module{Path: modulePath, Version: testVersion, Sum: "h1:wrong"}
	_, err := fetchModule(t.Context(), m, nil)
	require.ErrorContains(t, err, "but netstrip was built from h1:wrong")
	_, m.Sum, _ = strings.Cut(strings.Split(err.Error(), ", but")[0], "has the checksum ")

	t.Chdir(fakeModule(t)) // its go.mod must not matter
	write(t, ".", "go.mod", "module "+modulePath+"\n\nnonsense\n")
	found, err := fetchModule(t.Context(), m, nil)
	require.NoError(t, err)
	assert.Equal(t, readFile(t, filepath.Join(module, "initramfs/cmds/uinit/main.go")), readFile(t, filepath.Join(found, "initramfs/cmds/uinit/main.go")))

	for _, tt := range []struct{ proxy, version, want string }{
		{"off", "v0.0.2", "module lookup disabled by GOPROXY=off"},
		{"file:///nowhere", "v0.0.2", "no such file or directory"},
		{"http://127.0.0.1:9", "v0.0.2", "connection refused"},
	} {
		t.Setenv("GOPROXY", tt.proxy)
		m.Version = tt.version
		_, err = fetchModule(t.Context(), m, nil)
		require.ErrorContains(t, err, tt.want)
		assert.True(t, strings.HasPrefix(err.Error(), "fetching "+modulePath+"@v0.0.2, from whose source the guest's programs are compiled: "), err)
		assert.NotContains(t, err.Error(), "\n")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = fetchModule(ctx, m, nil)
	require.ErrorIs(t, err, context.Canceled)
	t.Setenv("PATH", "")
	_, err = fetchModule(t.Context(), m, nil)
	assert.ErrorContains(t, err, "missing go: apt-get install golang-go")
}

package image

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netstrip/netstrip/initramfs/apps"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tools writes scripts in place of the programs that make the disk into a PATH without the real
// ones, and returns the path of a file that the scripts may write to.
func tools(t *testing.T, scripts map[string]string) (log string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"sh", "cat", "tar", "find", "unshare", "true", "mkdir", "rm", "wc"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(dir, name)))
	}
	log = filepath.Join(dir, "log")
	for name, text := range scripts { // they do not inherit the test's environment
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nLOG="+log+"\n"+text), 0o755))
	}
	t.Setenv("PATH", dir)
	return log
}

// working are scripts that do what the real programs do, with a disk of one file.
func working() map[string]string {
	return map[string]string{
		"mmdebstrap": `echo "$@" >> $LOG; tar tf stage.tar >> $LOG; echo all > root.tar; echo redis $(cat $LOG | wc -l) amd64 > packages.txt`,
		"sqfstar":    `cat > apps.squashfs`,
		"fakechroot": "", "fakeroot": `exec "$@"`, // the only mode for a plain user here
		"npm": `while [ "$1" != --prefix ]; do shift; done; mkdir $2/node_modules; echo '{"packages": {"node_modules/a": {"version": "1.2"}}}' > $2/node_modules/.package-lock.json`,
	}
}

func redis() []apps.App {
	return []apps.App{{Name: "redis", Packages: []string{"redis-server", "curl"}}}
}

func TestBuildOnce(t *testing.T) {
	log := tools(t, working())
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	build := func(refresh bool) *Disk {
		i, err := Build(t.Context(), Options{Cache: c, Refresh: refresh}, redis())
		require.NoError(t, err)
		return i
	}
	first := build(false)
	assert.False(t, first.Cached)
	data, err := os.ReadFile(first.Path)
	require.NoError(t, err)
	assert.Equal(t, "all\n", string(data))
	assert.EqualValues(t, len(data), first.Bytes)
	require.Len(t, first.Packages, 1)
	said, err := os.ReadFile(log)
	require.NoError(t, err)
	assert.Contains(t, string(said), "--include=curl,redis-server ")
	assert.Contains(t, string(said), "./srv/netstrip-make\n")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(first.Path), "*"))
	require.NoError(t, err)
	assert.Len(t, left, 3, "only the disk, the list and their hashes stay: %s", left)

	tools(t, nil) // no program is needed
	second := build(false)
	assert.True(t, second.Cached)
	second.Cached = false
	assert.Equal(t, first, second)

	require.NoError(t, os.WriteFile(tools(t, working()), said, 0o644)) // the version is made from it
	third := build(true)
	assert.False(t, third.Cached, "asked for anew")
	assert.NotEqual(t, first.Key, third.Key, "other versions are another disk")

	require.NoError(t, os.WriteFile(third.Path, []byte("cut"), 0o644))
	assert.False(t, build(false).Cached, "a damaged disk is made anew")
}

func TestMissingTools(t *testing.T) {
	tools(t, nil)
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	list := []apps.App{{Name: "vite", Packages: []string{"nodejs"}, NPM: []string{"vite@5.4.21"}}}
	_, err = Build(t.Context(), Options{Cache: c}, list)
	assert.EqualError(t, err, "making the disk of the applications: missing mmdebstrap, sqfstar, npm: apt-get install mmdebstrap squashfs-tools npm (see netstrip doctor)")
}

// The error is the first complaint of mmdebstrap, and nothing is left behind.
func TestFailures(t *testing.T) {
	for _, tt := range []struct{ tool, script, want string }{
		{"mmdebstrap", "echo I: fine; echo 'E: Unable to locate package redis'; echo 'E: mmdebstrap failed to run'; exit 25", "mmdebstrap: E: Unable to locate package redis"},
		{"mmdebstrap", "echo 'tar: x: Cannot write: No space left on device'; echo 'E: mmdebstrap failed to run'; exit 25", "mmdebstrap: tar: x: Cannot write: No space left on device"},
		{"sqfstar", "echo 'Write failed because No space left on device'; echo 'FATAL ERROR: giving up'; exit 1", "exit status 1: Write failed because No space left on device"},
		{"npm", "echo 'npm error code ENOTFOUND'; exit 1", "npm install vite@5.4.21: npm: exit status 1: npm error code ENOTFOUND"},
	} {
		scripts := working()
		scripts[tt.tool] = tt.script
		tools(t, scripts)
		c, err := cache.Open(t.TempDir())
		require.NoError(t, err)
		list := []apps.App{{Name: "vite", Packages: []string{"nodejs"}, NPM: []string{"vite@5.4.21"}}}
		_, err = Build(t.Context(), Options{Cache: c}, list)
		assert.ErrorContains(t, err, "making the disk of the applications: ")
		assert.ErrorContains(t, err, tt.want)
		for _, kind := range []string{"tmp", "apps"} {
			left, err := filepath.Glob(c.Path(kind, "*"))
			require.NoError(t, err)
			assert.Empty(t, left, tt.want)
		}
	}
}

func TestConflictingFiles(t *testing.T) {
	tools(t, working())
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	list := redis()
	list[0].Make.Files = map[string]string{"/etc/hosts": "127.0.0.1 mine\n"}
	_, err = Build(t.Context(), Options{Cache: c}, list)
	assert.ErrorContains(t, err, "redis: another application has a different /etc/hosts")
}

// The disk depends on what is put on it, and not on the clients.
func TestRecipe(t *testing.T) {
	recipe := func(change func(a *apps.App)) string {
		list := []apps.App{{Name: "b", Packages: []string{"p"}}, {Name: "a", Packages: []string{"q"}}}
		change(&list[0])
		r, err := recipeOf(amd64(t), list)
		require.NoError(t, err)
		return r
	}
	same := recipe(func(*apps.App) {})
	assert.Equal(t, same, recipe(func(a *apps.App) { a.Ways = []wire.App{{ID: "app/b/none"}} }))
	turned, err := recipeOf(amd64(t), []apps.App{{Name: "a", Packages: []string{"q"}}, {Name: "b", Packages: []string{"p"}}})
	require.NoError(t, err)
	assert.Equal(t, same, turned)
	for _, change := range []func(a *apps.App){
		func(a *apps.App) { a.Packages = append(a.Packages, "r") },
		func(a *apps.App) { a.NPM = []string{"vite@5.4.21"} },
		func(a *apps.App) { a.Make.Files = map[string]string{"/x": "y"} },
		func(a *apps.App) { a.Make.Run = []wire.Command{{Argv: []string{"true"}}} },
	} {
		assert.NotEqual(t, same, recipe(change))
	}
	other, err := arch.Parse("arm64")
	require.NoError(t, err)
	foreign, err := recipeOf(other, []apps.App{{Name: "b", Packages: []string{"p"}}, {Name: "a", Packages: []string{"q"}}})
	require.NoError(t, err)
	assert.Contains(t, foreign, `"--architectures=arm64"`)
	assert.Contains(t, foreign, `"--cpu=arm64"`)
	assert.Contains(t, same, `"--cpu=x64"`)
}

func amd64(t *testing.T) arch.Arch {
	a, err := arch.Parse("amd64")
	require.NoError(t, err)
	return a
}

// A real shell runs the script: it splits the words correctly, and stops at the first failure.
func TestRunner(t *testing.T) {
	list := []apps.App{
		{Name: "b", Make: apps.Make{Run: []wire.Command{
			{Argv: []string{"sh", "-c", `pwd; printf '%s|' "$K" "$@"`, "sh", "it's", "two  words", "$HOME", "*"}, Env: map[string]string{"K": "a b"}, Dir: "/usr"},
			{Argv: []string{"false"}}, {Argv: []string{"echo", "never"}},
		}}},
		{Name: "a", Make: apps.Make{Run: []wire.Command{{Argv: []string{"echo", "first"}}}}},
	}
	text, _, _ := strings.Cut(runner(list), "rm -f /etc")
	cmd := exec.Command("sh", "-c", text)
	said, err := cmd.CombinedOutput()
	assert.Error(t, err)
	assert.Equal(t, "first\n/usr\na b|it's|two  words|$HOME|*|error: b: make: false did not succeed\n", string(said))
	assert.Contains(t, line(wire.Command{Argv: []string{"id"}, User: "postgres"}), "setpriv --reuid postgres --regid postgres --init-groups")
}

// The real tools make the same bytes twice, except for what databases generate.
func TestReproducible(t *testing.T) {
	if os.Getenv("NETSTRIP_FULL") == "" {
		t.Skip("minutes and a network: NETSTRIP_FULL=1 makes the disk twice")
	}
	list, err := apps.Load(t.Context(), "")
	require.NoError(t, err)
	list = slices.DeleteFunc(list, func(a apps.App) bool { return a.Name != "redis" && a.Name != "vite" })
	require.Len(t, list, 2)
	var made []*Disk
	for range 2 {
		c, err := cache.Open(t.TempDir())
		require.NoError(t, err)
		i, err := Build(t.Context(), Options{Cache: c}, list)
		require.NoError(t, err)
		made = append(made, i)
	}
	a, err := os.ReadFile(made[0].Path)
	require.NoError(t, err)
	b, err := os.ReadFile(made[1].Path)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(a, b), "%s and %s differ", made[0].Path, made[1].Path)
	assert.Equal(t, made[0].Packages, made[1].Packages)
	assert.Contains(t, strings.Join(made[0].Packages, "\n"), "\nvite 5.4.21 npm\n")
}

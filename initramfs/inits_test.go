package initramfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/u-root/mkuimage/cpio"
	archive "github.com/u-root/mkuimage/uimage/initramfs/test"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/process"
)

func TestInits(t *testing.T) {
	keys := map[string]bool{Init{}.Key(): true}
	for _, i := range Inits() {
		assert.NotEmpty(t, i.About, i.Name)
		assert.True(t, strings.HasPrefix(i.Path, "/"), i.Name)
		assert.Equal(t, "rdinit="+i.Path, i.KernelArgs()[0])
		assert.False(t, keys[i.Key()], "%s has the key of another", i.Name)
		keys[i.Key()] = true
		found, err := LookupInit(i.Name)
		require.NoError(t, err)
		assert.Equal(t, i, found)
		more := i
		more.Links = map[string]string{"a": "b"}
		assert.NotEqual(t, i.Key(), more.Key())
	}
	for _, dir := range trees(t) {
		_, err := LookupInit(dir)
		assert.NoError(t, err, "files of no init")
	}
	_, err := LookupInit("sysv")
	assert.EqualError(t, err, `no such init: "sysv"; the inits are probe, u-root, busybox, systemd`)
}

func trees(t *testing.T) []string {
	t.Helper()
	entries, err := initTrees.ReadDir("inits")
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.NotEmpty(t, names)
	return names
}

// deb makes a package with one file and a symbolic link to it.
func deb(t *testing.T, dir, name, path, text string) {
	t.Helper()
	root := t.TempDir()
	write(t, root, "DEBIAN/control", "Package: "+name+"\nVersion: 1\nArchitecture: all\nMaintainer: n\nDescription: d\n")
	write(t, root, path, text)
	write(t, root, "usr/share/doc/"+name+"/copyright", "long")
	require.NoError(t, os.Symlink(filepath.Base(path), filepath.Join(root, path+"-link")))
	_, err := process.Run(t.Context(), process.Command{Args: []string{"dpkg-deb", "-b", root, filepath.Join(dir, name+"_1_all.deb")}})
	require.NoError(t, err)
}

// The files of the packages go into the image, except for documentation; netstrip's own files
// replace theirs.
func TestInitFiles(t *testing.T) {
	packages, dir := t.TempDir(), t.TempDir()
	deb(t, packages, "aaa", "sbin/aaa", "a")
	deb(t, packages, "busybox-static", "etc/inittab", "theirs")
	deb(t, packages, "zzz", "lib/zzz", "z")
	busybox, err := LookupInit("busybox")
	require.NoError(t, err)
	files, err := busybox.files(t.Context(), arch.Default(), packages, dir)
	require.NoError(t, err)
	names, err := os.ReadFile(filepath.Join(dir, packagesName))
	require.NoError(t, err)
	assert.Equal(t, "busybox-static_1_all\naaa_1_all\nzzz_1_all\n", string(names), "what it is called after comes first")

	first := filepath.Join(t.TempDir(), "first.cpio")
	out, err := os.Create(first)
	require.NoError(t, err)
	require.NoError(t, writeFiles(out, files))
	require.NoError(t, out.Close())
	a, err := archive.ReadArchive(first)
	require.NoError(t, err)
	inittab, err := initTrees.ReadFile("inits/busybox/etc/inittab")
	require.NoError(t, err)
	for _, v := range []archive.ArchiveValidator{
		archive.HasContent{Path: "etc/inittab", Content: string(inittab)},
		archive.HasContent{Path: "sbin/aaa", Content: "a"}, archive.HasContent{Path: "lib/zzz", Content: "z"},
		archive.HasRecord{R: cpio.Symlink("lib/zzz-link", "zzz")},
		archive.HasRecord{R: cpio.Symlink("sbin/init", "/bin/busybox")},
		archive.MissingFile{Path: "usr/share/doc/aaa/copyright"},
	} {
		assert.NoError(t, v.Validate(a))
	}
	script, ok := a.Get("etc/init.d/rcS")
	require.True(t, ok)
	assert.EqualValues(t, 0o755, script.Mode&0o777, "a script can be run")
	table, _ := a.Get("etc/inittab")
	assert.EqualValues(t, 0o644, table.Mode&0o777)

	require.NoError(t, os.WriteFile(filepath.Join(packages, "bad_1_all.deb"), []byte("no package"), 0o644))
	_, err = busybox.files(t.Context(), arch.Default(), packages, t.TempDir())
	assert.ErrorContains(t, err, "unpacking bad_1_all.deb: dpkg-deb: exit status 2")
}

// Debian's releases call some packages differently.
func TestPackagesOf(t *testing.T) {
	packages := []string{"libc6", "libssl3|libssl3t64"}
	assert.Equal(t, []string{"libc6", "libssl3"}, packagesOf(packages, []string{"libc6", "libssl3"}))
	assert.Equal(t, []string{"libc6", "libssl3t64"}, packagesOf(packages, []string{"libssl3t64"}))
	assert.Equal(t, []string{"libc6", "libssl3"}, packagesOf(packages, nil), "apt names what is missing")
}

// /lib is /usr/lib where the packages have nothing but the latter.
func TestMergeUsr(t *testing.T) {
	merged, split := t.TempDir(), t.TempDir()
	write(t, merged, "usr/lib/a", "a")
	write(t, split, "usr/lib/a", "a")
	write(t, split, "lib/b", "b")
	require.NoError(t, mergeUsr(merged))
	require.NoError(t, mergeUsr(split))
	assert.FileExists(t, filepath.Join(merged, "lib/a"))
	assert.NoFileExists(t, filepath.Join(split, "lib/a"))
	assert.NoDirExists(t, filepath.Join(merged, "lib64"))
}

// An init without packages is booted from the usual image.
func TestUsualImage(t *testing.T) {
	c := openCache(t)
	first := filepath.Join(t.TempDir(), "first")
	require.NoError(t, os.WriteFile(first, []byte("12345"), 0o644))
	image := &Image{Path: first, Key: "0123456789abcdef"}
	init, err := LookupInit("probe")
	require.NoError(t, err)
	same, err := image.withInit(t.Context(), c, Options{Init: init})
	require.NoError(t, err)
	assert.Same(t, image, same, "what needs nothing of its own has the usual image")
}

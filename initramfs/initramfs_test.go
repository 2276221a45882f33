package initramfs

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/u-root/mkuimage/cpio"
	archive "github.com/u-root/mkuimage/uimage/initramfs/test"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/cache"
)

func openCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	return c
}

func TestBuild(t *testing.T) {
	ctx, c := context.Background(), openCache(t)
	image, err := Build(ctx, Options{Cache: c})
	require.NoError(t, err)
	assert.False(t, image.Cached)
	again, err := Build(ctx, Options{Cache: c})
	require.NoError(t, err)
	assert.True(t, again.Cached)
	again.Cached = false
	assert.Equal(t, image, again)

	// A damaged image is not booted, but made again.
	require.NoError(t, os.Truncate(image.Path, image.Bytes/2))
	mended, err := Build(ctx, Options{Cache: c})
	require.NoError(t, err)
	assert.Equal(t, image, mended, "and not called cached")

	a, err := archive.ReadArchive(image.Path)
	require.NoError(t, err)
	validators := []archive.ArchiveValidator{
		archive.HasContent{Path: "etc/hosts", Content: hosts},
		archive.HasRecord{R: cpio.CharDev("dev/console", 0o600, 5, 1)},
		archive.HasDir{Path: "proc"}, archive.HasDir{Path: "sys"}, archive.HasDir{Path: "tmp"},
		archive.HasFile{Path: "init"}, archive.HasFile{Path: "bin/uinit"},
		archive.MissingFile{Path: "bin/sh"},
	}
	for _, v := range validators {
		assert.NoError(t, v.Validate(a))
	}
	assertProgram(t, a, "init", initPackage)
	assertProgram(t, a, "bin/uinit", cmdsPackage+uinitCommand)
	assertOrder(t, a)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(image.Path), "[^.]*"))
	require.NoError(t, err)
	assert.Len(t, left, 1, "only the image is kept")

	// Building it again from nothing makes the same bytes.
	twin, err := Build(ctx, Options{Cache: openCache(t), Module: ".."})
	require.NoError(t, err)
	assert.False(t, twin.Cached)
	assert.Equal(t, image.Key, twin.Key)
	assert.Equal(t, readFile(t, image.Path), readFile(t, twin.Path), "the bytes differ")
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// assertProgram asserts that name is the program made from a package, statically linked and
// stripped.
func assertProgram(t *testing.T, a *cpio.Archive, name, pkg string) {
	t.Helper()
	r, ok := a.Get(name)
	require.True(t, ok, name)
	assert.EqualValues(t, cpio.S_IFREG|0o755, r.Mode&^0o022, name)
	data, err := io.ReadAll(io.NewSectionReader(r, 0, int64(r.FileSize)))
	require.NoError(t, err)
	info, err := buildinfo.Read(bytes.NewReader(data))
	require.NoError(t, err)
	assert.Equal(t, pkg, info.Path)
	f, err := elf.NewFile(bytes.NewReader(data))
	require.NoError(t, err)
	assert.Equal(t, elf.EM_X86_64, f.Machine)
	assert.False(t, slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }), "%s needs a loader", name)
	assert.Nil(t, f.Section(".symtab"), "%s is not stripped", name)
}

// assertOrder asserts that directories precede their contents, which the kernel's unpacker
// needs, and that there are no times and owners, which would make the bytes differ.
func assertOrder(t *testing.T, a *cpio.Archive) {
	t.Helper()
	seen := map[string]bool{".": true}
	for _, name := range a.Order {
		r := a.Files[name]
		assert.True(t, seen[filepath.Dir(name)], "%s comes before its directory", name)
		seen[name] = true
		assert.Zero(t, r.MTime, name)
		assert.Zero(t, r.UID, name)
		assert.Zero(t, r.GID, name)
	}
}

func TestBuildErrors(t *testing.T) {
	ctx := context.Background()
	_, err := Build(ctx, Options{Cache: openCache(t), Module: t.TempDir()})
	assert.ErrorContains(t, err, "is not the directory of module "+modulePath)

	// If the guest does not compile, the error is the compiler's message.
	module := fakeModule(t)
	write(t, module, "initramfs/cmds/uinit/main.go", "package main\n\nfunc main() { nonsense }\n")
	c := openCache(t)
	_, err = Build(ctx, Options{Cache: c, Module: module})
	require.Error(t, err)
	assert.ErrorContains(t, err, "building the initramfs: go: exit status 1")
	assert.NoDirExists(t, filepath.Join(c.Dir, kind), "a build that failed left an entry")

	t.Setenv("PATH", "")
	_, err = Build(ctx, Options{Cache: c, Module: module})
	assert.ErrorContains(t, err, "missing go: apt-get install golang-go")
}

// fakeModule makes a module with netstrip's name and just enough files to be hashed.
func fakeModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "go.mod", "module "+modulePath+"\n\ngo 1.26.0\n")
	write(t, dir, "go.sum", "")
	write(t, dir, "initramfs/wire/wire.go", "package wire\n")
	write(t, dir, "initramfs/probes/lo.go", "package probes\n\nimport _ \""+modulePath+"/initramfs/wire\"\n")
	write(t, dir, "initramfs/cmds/uinit/main.go", "package main\n\nimport _ \""+modulePath+"/initramfs/probes\"\n\nfunc main() {}\n")
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestKeyFollowsTheSources(t *testing.T) {
	ctx, module := context.Background(), fakeModule(t)
	key := func() string {
		k, err := sourceKey(ctx, guestSource{module, uinitCommand, "amd64"})
		require.NoError(t, err)
		return k
	}
	first := key()
	assert.Len(t, first, 32)
	assert.Equal(t, first, key())

	for _, name := range []string{
		"initramfs/probes/lo_test.go", "initramfs/probes/testdata/x.go", "initramfs/probes/lo_arm64.go", "initramfs/initramfs.go",
		"README.md", "vmtests/boot.go", "initramfs/probes/.lo.go.swp", "initramfs/cmds/other/main.go", "initramfs/apps/apps.go",
		"initramfs/extra/extra.go",
	} {
		write(t, module, name, "package probes\n")
		assert.Equal(t, first, key(), "%s does not go into the image", name)
	}
	uses := "package probes\n\nimport _ \"" + modulePath + "/initramfs/extra\"\n"
	for _, f := range []struct{ name, text string }{
		{"go.mod", "module " + modulePath + "\n\ngo 1.26\n"},
		{"go.sum", "\n"},
		{"initramfs/wire/wire.go", "package wire // another\n"},
		{"initramfs/wire/more.go", "package wire\n"},
		{"initramfs/cmds/uinit/more.go", "package main\n"},
		{"initramfs/probes/uses.go", uses},
		{"initramfs/extra/extra.go", "package extra // which is imported now\n"},
		{"initramfs/extra/data.txt", "embedded"},
		{"initramfs/extra/data.txt", "embedded, and changed"},
		{"initramfs/extra/asm.s", "\n"},
	} {
		if f.text == "embedded" {
			write(t, module, f.name, "")
			write(t, module, "initramfs/extra/extra.go", "package extra\n\nimport _ \"embed\"\n\n//go:embed data.txt\nvar data string\n")
		}
		before := key()
		write(t, module, f.name, f.text)
		assert.NotEqual(t, before, key(), "%s goes into the image", f.name)
	}
	before := key()
	require.NoError(t, os.Rename(filepath.Join(module, "initramfs/wire/more.go"), filepath.Join(module, "initramfs/wire/same.go")))
	assert.NotEqual(t, before, key(), "a file's name goes into the image")

	// go.sum does not pin a module that go.mod replaces by a directory.
	write(t, module, "other/go.mod", "module example.com/other\n")
	write(t, module, "other/other.go", "package other\n")
	write(t, module, "go.mod", "module "+modulePath+"\n\ngo 1.26.0\n\nrequire example.com/other v0.0.0\n\nreplace example.com/other => ./other\n")
	write(t, module, "initramfs/probes/uses.go", "package probes\n\nimport _ \"example.com/other\"\n")
	before = key()
	write(t, module, "other/other.go", "package other // another\n")
	assert.NotEqual(t, before, key(), "a replacement goes into the image")
}

// The list has everything that the go command compiles into the real guest from this module.
func TestSourcesAreThoseOfTheGuest(t *testing.T) {
	module, err := findModule(t.Context(), "", nil)
	require.NoError(t, err)
	s, err := listSources(t.Context(), guestSource{module, uinitCommand, "amd64"})
	require.NoError(t, err)
	for _, file := range []string{"go.mod", "go.sum", "initramfs/cmds/uinit/main.go", "initramfs/wire/wire.go", "initramfs/trace/trace.go", "initramfs/appguest/appguest.go"} {
		assert.Contains(t, s.files, file)
	}
	for _, file := range s.files {
		assert.False(t, strings.HasPrefix(file, "..") || strings.HasSuffix(file, "_test.go"), file)
	}
}

// BenchmarkKey measures how long each boot after the first in a process takes to compute the
// image's key.
// The tracer knows the system calls of every architecture.
func TestSystemCalls(t *testing.T) {
	for _, a := range arch.All() {
		assert.FileExists(t, "trace/syscalls/"+a.GOARCH+".txt")
	}
}

func BenchmarkKey(b *testing.B) {
	module, err := findModule(b.Context(), "", nil)
	require.NoError(b, err)
	for b.Loop() {
		_, err := sourceKey(b.Context(), guestSource{module, uinitCommand, "amd64"})
		require.NoError(b, err)
	}
}

// Another guest program makes another image, in addition to the usual one.
func TestBuildWithAnotherProgram(t *testing.T) {
	c := openCache(t)
	image, err := Build(t.Context(), Options{Cache: c, Uinit: "faulty"})
	require.NoError(t, err)
	a, err := archive.ReadArchive(image.Path)
	require.NoError(t, err)
	assertProgram(t, a, "init", initPackage)
	assertProgram(t, a, "bin/uinit", cmdsPackage+"faulty")
	module, err := findModule(t.Context(), "", nil)
	require.NoError(t, err)
	usual, err := sourceKey(t.Context(), guestSource{module, uinitCommand, "amd64"})
	require.NoError(t, err)
	assert.NotEqual(t, usual, image.Key)
	_, err = Build(t.Context(), Options{Cache: c, Uinit: "none"})
	assert.ErrorContains(t, err, "initramfs/cmds/none")
}

// The table of applications is a separate archive that follows the shared image.
func TestBuildWithApps(t *testing.T) {
	c := openCache(t)
	plain, err := Build(t.Context(), Options{Cache: c})
	require.NoError(t, err)
	keys := map[string]bool{plain.Key: true}
	for _, id := range []string{"app/x/unix", "app/y/unix"} {
		image, err := Build(t.Context(), Options{Cache: c, Apps: []wire.App{{ID: id}}})
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(image.Key, plain.Key+"+"), image.Key)
		assert.False(t, keys[image.Key], "another table has the same key")
		keys[image.Key] = true
		whole, first := readFile(t, image.Path), readFile(t, plain.Path)
		require.True(t, bytes.HasPrefix(whole, first))
		behind := filepath.Join(t.TempDir(), "behind.cpio")
		require.NoError(t, os.WriteFile(behind, whole[(len(first)+511)&^511:], 0o644))
		a, err := archive.ReadArchive(behind)
		require.NoError(t, err)
		text, err := io.ReadAll(io.NewSectionReader(a.Files[strings.TrimPrefix(wire.AppTable, "/")].ReaderAt, 0, 1<<20))
		require.NoError(t, err)
		var table []wire.App
		require.NoError(t, json.Unmarshal(text, &table))
		assert.Equal(t, []wire.App{{ID: id}}, table)
	}
}

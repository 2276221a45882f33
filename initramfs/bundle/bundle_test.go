package bundle

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netstrip/netstrip/kconfigs/arch"
)

// native returns an empty bundle for this machine.
func native(t *testing.T) *Bundle {
	t.Helper()
	a, err := arch.Parse("")
	require.NoError(t, err)
	if !a.Native() {
		t.Skip("the default architecture is not this machine's")
	}
	return New(a, os.Getenv("PATH"))
}

func write(t *testing.T, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	return path
}

// temp is a directory without symbolic links in its path.
func temp(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return dir
}

// A program of this machine runs with nothing but what the bundle has.
func TestProgramIsWhole(t *testing.T) {
	b := native(t)
	path, err := b.LookPath("ls")
	require.NoError(t, err)
	require.NoError(t, b.Program(path))
	root := t.TempDir()
	for to, from := range b.files {
		data, err := os.ReadFile(from)
		require.NoError(t, err)
		write(t, root, to, string(data), 0o755)
	}
	for to, target := range b.links {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, to)), 0o755))
		require.NoError(t, os.Symlink(target, filepath.Join(root, to)))
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may change its root")
	}
	out, err := exec.Command("chroot", root, path, "/").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "usr")
	assert.Positive(t, b.Bytes())
}

func TestScripts(t *testing.T) {
	b, dir := native(t), temp(t)
	inner := write(t, dir, "inner", "#!/bin/sh\n", 0o755)
	require.NoError(t, b.Program(write(t, dir, "outer", "#!"+inner+" -x\n", 0o755)))
	sh, err := filepath.EvalSymlinks("/bin/sh")
	require.NoError(t, err)
	assert.Contains(t, b.files, inner)
	assert.Contains(t, b.files, sh)

	b = native(t)
	require.NoError(t, b.Program(write(t, dir, "env", "#!/usr/bin/env -S A=b sh\n", 0o755)))
	assert.Contains(t, b.files, sh)
}

func TestRefused(t *testing.T) {
	dir := temp(t)
	loop := filepath.Join(dir, "loop")
	write(t, dir, "loop", "#!"+loop+"\n", 0o755)
	foreign := func(class, machine byte) string {
		head := []byte("\x7fELF" + string([]byte{class, 1, 1}) + strings.Repeat("\x00", 57))
		head[16], head[18], head[20], head[52], head[54], head[58] = byte(elf.ET_EXEC), machine, 1, 64, 56, 64
		if class == byte(elf.ELFCLASS32) {
			head[40], head[42], head[46] = 52, 32, 40
		}
		return string(head)
	}
	for name, want := range map[string]string{
		"missing":                                      "no such file",
		write(t, dir, "data", "hello", 0o755):          "is neither an ELF file nor a script",
		write(t, dir, "plain", "#!/bin/sh\n", 0o644):   "is not executable",
		write(t, dir, "bare", "#!\n", 0o755):           "names no interpreter",
		write(t, dir, "lost", "#!/no/such/x\n", 0o755): "the interpreter of " + filepath.Join(dir, "lost"),
		loop: "too many scripts interpret each other",
		dir:  "is not a file",
		write(t, dir, "arm", foreign(byte(elf.ELFCLASS64), byte(elf.EM_AARCH64)), 0o755): "is a program for arm64, and the kernel is for x86_64; --arch arm64 boots kernels that can",
		write(t, dir, "i386", foreign(byte(elf.ELFCLASS32), byte(elf.EM_386)), 0o755):    "is a 32-bit program (386)",
	} {
		b := New(arch.All()[0], "/bin")
		assert.ErrorContains(t, b.Program(name), want)
	}
	_, err := native(t).LookPath("no-such-program")
	assert.EqualError(t, err, "no-such-program: no such program in $PATH")
}

// $ORIGIN is the directory of the file, and RPATH that of those that need it too.
func TestSearched(t *testing.T) {
	o := &object{path: "/opt/x/bin/prog", File: &elf.File{}}
	assert.Equal(t, "/opt/x/bin/../lib", o.expand(arch.All()[0], "$ORIGIN/../lib"))
	assert.Equal(t, "/opt/x/bin/lib/x86_64-linux-gnu", o.expand(arch.All()[0], "${ORIGIN}/$LIB"))
}

// Directories keep their links, and the key depends on every part.
func TestAdd(t *testing.T) {
	dir := temp(t)
	write(t, dir, "d/file", "one", 0o600)
	require.NoError(t, os.Symlink("d", filepath.Join(dir, "link")))
	key := func(change func(*Bundle)) string {
		b := New(arch.All()[0], "")
		require.NoError(t, b.Add(filepath.Join(dir, "link")))
		change(b)
		k, err := b.Key()
		require.NoError(t, err)
		return k
	}
	plain := key(func(b *Bundle) {
		assert.Equal(t, "d", b.links[filepath.Join(dir, "link")])
		assert.True(t, b.Has(filepath.Join(dir, "d/file")))
		files, err := b.Files("/program")
		require.NoError(t, err)
		assert.True(t, files.Contains("program"+dir+"/d/file"))
	})
	assert.Equal(t, plain, key(func(*Bundle) {}))
	assert.NotEqual(t, plain, key(func(b *Bundle) { b.Text("/etc/x", "x") }))
	assert.NotEqual(t, plain, key(func(b *Bundle) { b.MakeDir("/x") }))
	write(t, dir, "d/file", "two", 0o600)
	assert.NotEqual(t, plain, key(func(*Bundle) {}))
}

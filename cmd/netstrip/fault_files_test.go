package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/vmtests/record"
)

// files are the faults of the files that netstrip is given, and of its cache.
func files() []fault {
	return []fault{
		{"the cache can be written by others", "exit 2", nil, func(t *testing.T, p *place, _ int) {
			theirs := t.TempDir()
			require.NoError(t, os.Chmod(theirs, 0o777))
			oneLine(t, p.run("no-net", "--cache", theirs).exits(t, 2), "not trusted: "+theirs+" can be written by everybody")
			made, err := os.ReadDir(theirs)
			require.NoError(t, err)
			assert.Empty(t, made)
		}},
		{"the cache is another user's", "exit 2", nil, func(t *testing.T, p *place, _ int) {
			theirs := t.TempDir()
			if err := os.Chown(theirs, 65534, 65534); err != nil {
				t.Skip("NOT ROOT: no file can be given to another user")
			}
			oneLine(t, p.run("no-net", "--cache", theirs).exits(t, 2), "not trusted: "+theirs+" belongs to ")
		}},
		{"an index of the cache leads to another kernel", "exit 3", unmade, func(t *testing.T, p *place, _ int) {
			p.notBooted(t, func(index string) error {
				for _, other := range p.index(t) {
					if !leadsTo(other, "no-net") {
						return copyFile(other, index)
					}
				}
				return fs.ErrNotExist
			})
		}},
		{"an index of the cache is a FIFO", "exit 3", unmade, func(t *testing.T, p *place, _ int) {
			p.notBooted(t, func(index string) error { return unix.Mkfifo(index, 0o600) })
		}},
		{"a FIFO is in the place of a file", "exit 3 or 2", nil, fifos},
		{"--kernel names a device without an end", "exit 2", nil, func(t *testing.T, p *place, _ int) {
			oneLine(t, p.run("--kernel", "/dev/zero").exits(t, 2), "/dev/zero: it is a device, not a regular file")
		}},
		{"--results names a device", "exit 3", nil, func(t *testing.T, p *place, _ int) {
			n := p.netstrip("run", "--quiet", "no-net", "--results", "/dev/null").exits(t, 3)
			oneLine(t, n, "/dev/null: it is a device, not a regular file; --results names another file")
		}},
		{"a file is called console beside the results", "exit 3", nil, func(t *testing.T, p *place, n int) {
			logs := filepath.Join(filepath.Dir(p.results), "console")
			require.NoError(t, os.MkdirAll(filepath.Dir(logs), 0o755))
			require.NoError(t, os.WriteFile(logs, nil, 0o644))
			oneLine(t, p.run("no-net").exits(t, 3), "is not a directory, but console logs go there")
			assert.Empty(t, p.kept(t), "it is found out before anything is booted")
		}},
		{"the source is edited during its build", "exit 3", fakeTree, edited},
		{"the URL of a source has a password", "exit 3", nil, password},
	}
}

// index are the files by which kernels in the cache are found.
func (p *place) index(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(p.cache + "/kernel-index/*")
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// unmade returns a place indexes of its own, and a make that builds nothing.
func unmade(t *testing.T, p *place) {
	user, err := cache.Open("")
	require.NoError(t, err)
	p.share(t, user.Dir, "source")
	require.NoError(t, os.Remove(filepath.Join(p.cache, "kernel-index")))
	require.NoError(t, os.CopyFS(filepath.Join(p.cache, "kernel-index"), os.DirFS(filepath.Join(user.Dir, "kernel-index"))))
	real, err := exec.LookPath("make")
	require.NoError(t, err)
	bin := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in *kernelversion*) exec " + real + " \"$@\";; esac\necho nothing is made here >&2\nexit 1\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "make"), []byte(script), 0o755))
	p.env = append(p.env, "PATH="+bin+":"+os.Getenv("PATH"))
}

// leadsTo reports whether an index leads to a kernel of a profile.
func leadsTo(index, profile string) bool {
	text, err := os.ReadFile(index)
	return err == nil && strings.Contains(string(text), " "+profile+"\n")
}

// notBooted spoils the indexes of no-net, of every series and architecture, and wants its kernel
// looked for anew, which takes make, and no other booted for it.
func (p *place) notBooted(t *testing.T, spoil func(index string) error) {
	all := slices.DeleteFunc(p.index(t), func(path string) bool { return !leadsTo(path, "no-net") })
	require.NotEmpty(t, all)
	p.build().exits(t, 0) // it is there
	for _, path := range all {
		require.NoError(t, os.Remove(path))
		require.NoError(t, spoil(path))
	}
	n := p.run("no-net").exits(t, 3)
	p.over(t, n)
	assert.Contains(t, n.stderr.String(), "nothing is made here")
	for _, r := range p.kept(t) {
		assert.Equal(t, record.BuildFailed, r.Outcome)
	}
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// fifos names a FIFO wherever a file is read. Nobody writes into it, so that a netstrip
// that opens it as a file waits for ever.
func fifos(t *testing.T, p *place, _ int) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	for _, c := range []struct {
		code int
		args []string
	}{
		{3, []string{"show", "--results", fifo}},
		{3, []string{"run", "no-net", "--quiet", "--results", fifo}},
		{3, []string{"run", "--resume", "--quiet", "--results", fifo}},
		{2, []string{"run", "--kernel", fifo, "--quiet", "--results", p.results}},
		{3, []string{"build", "no-net", "--quiet", "--source", fifo}},
	} {
		n := p.netstrip(c.args...)
		n.start(t)
		late := time.AfterFunc(30*time.Second, func() { _ = n.Process.Signal(syscall.SIGINT) })
		assert.Equal(t, c.code, n.ended(t), "%q", c.args)
		assert.True(t, late.Stop(), "%q waits", c.args)
		oneLine(t, n, "it is a FIFO, not a regular file")
	}
}

// edited edits the source while a compiler is at work on it. Nothing is published of that.
func edited(t *testing.T, p *place, _ int) {
	_, tree, _ := strings.Cut(p.env[len(p.env)-1], "=")
	p.unbuild(t)
	n := p.build()
	n.start(t)
	when(t, "a compiler", func() bool { return strings.Contains(strings.Join(p.running(), "\n"), "sleep 0.5") })
	add(t, filepath.Join(tree, "Kconfig"), "# edited\n")
	assert.Equal(t, 3, n.ended(t), n.stderr.String())
	p.over(t, n)
	assert.Contains(t, n.lastLine(), "the source changed during the build: run again")
	assert.NoDirExists(t, filepath.Join(p.cache, "kernel-index"))
	p.build().exits(t, 0)
}

// password names a source by a URL with a password, from which nothing can be had.
func password(t *testing.T, p *place, _ int) {
	own := filepath.Join(t.TempDir(), "cache")
	n := p.netstrip("build", "no-net", "--cache", own, "--source-url", "http://user:hunter2@127.0.0.1:1/linux.tar.xz?token=hunter2",
		"--source-sha256", strings.Repeat("0", 64)).exits(t, 3)
	assert.Contains(t, n.stderr.String(), "127.0.0.1:1")
	assert.NotContains(t, n.stdout.String()+n.stderr.String(), "hunter2")
	require.NoError(t, filepath.WalkDir(own, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		assert.False(t, bytes.Contains(data, []byte("hunter2")), path)
		return err
	}))
}

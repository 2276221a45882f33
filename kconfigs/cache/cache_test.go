package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// soon is the time limit for removing everything after a process has died.
const soon = 2 * time.Second

// childEnv tells a child of this test binary what to do, cacheEnv in which cache, and locksEnv how its
// locks do not work.
const (
	childEnv = "NETSTRIP_TEST_CHILD"
	cacheEnv = "NETSTRIP_TEST_CACHE"
	locksEnv = "NETSTRIP_TEST_LOCKS"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(cacheEnv)
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "publish": // tells of each fill in a file
		c, err := Open(dir)
		if err == nil {
			_, err = c.Publish(context.Background(), "kind", "key", func(tmp string) error {
				f, err := os.OpenFile(filepath.Join(dir, "fills"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
				if err != nil {
					return err
				}
				defer f.Close()
				if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
					return err
				}
				return fillMany(tmp, 200)
			})
		}
		exit(err)
	case "fill": // never ends
		c, err := Open(dir)
		if err == nil {
			_, err = c.Publish(context.Background(), "kind", "key", func(tmp string) error {
				return fillMany(tmp, 1<<30)
			})
		}
		exit(err)
	case "use": // until it is killed
		c, err := Open(dir)
		if err == nil {
			fmt.Println(c.Use("kind", hexKey(1)))
			select {}
		}
		exit(err)
	case "prune": // everything
		c, err := Open(dir)
		if err == nil {
			err = pruneAll(c)
		}
		exit(err)
	case "use forever":
		withoutLocks(os.Getenv(locksEnv))
		exit(useForever(dir))
	case "write": // writes one file again and again
		for i := 0; ; i++ {
			if err := WriteFile(filepath.Join(dir, "file"), content(byte('a'+i%26))); err != nil {
				exit(err)
			}
		}
	}
}

func exit(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// fillMany makes n files.
func fillMany(dir string, n int) error {
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte("x"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// content returns the content of a file; every part of it identifies the whole.
func content(of byte) []byte { return bytes.Repeat([]byte{of}, 100_000) }

func child(what, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what, cacheEnv+"="+dir)
	return cmd
}

func open(t *testing.T) *Cache {
	t.Helper()
	c, err := Open(filepath.Join(t.TempDir(), "cache"))
	require.NoError(t, err)
	t.Cleanup(func() { runtime.KeepAlive(c) }) // otherwise its locks are released
	return c
}

// names returns the entries of a directory of the cache.
func names(t *testing.T, dir ...string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir...))
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		if e.Name() != sumsFile {
			out = append(out, e.Name())
		}
	}
	return out
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(Env, filepath.Join(dir, "env"))
	c, err := Open("")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "env"), c.Dir)

	t.Setenv(Env, "")
	t.Setenv("XDG_CACHE_HOME", dir)
	c, err = Open("")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "netstrip"), c.Dir)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	_, err = Open(filepath.Join(dir, "file"))
	assert.ErrorIs(t, err, unix.ENOTDIR)
	assert.ErrorContains(t, err, "set NETSTRIP_CACHE to a directory you can write")
}

func TestPublish(t *testing.T) {
	c := open(t)
	assert.False(t, c.Has("kind", "key"))
	fill := func(dir string) error {
		assert.Empty(t, names(t, dir), "it begins empty")
		assert.False(t, c.Has("kind", "key"), "it is not there before it is whole")
		return fillMany(dir, 3)
	}
	path, err := c.Publish(t.Context(), "kind", "key", fill)
	require.NoError(t, err)
	assert.Equal(t, c.Path("kind", "key"), path)
	assert.Equal(t, []string{"0", "1", "2"}, names(t, path))
	assert.Empty(t, names(t, c.Dir, "tmp"))

	again, err := c.Publish(t.Context(), "kind", "key", func(string) error {
		t.Error("filled twice")
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, path, again)
}

func TestPublishThatFailsLeavesNothing(t *testing.T) {
	c := open(t)
	fault := errors.New("disk full")
	_, err := c.Publish(t.Context(), "kind", "key", func(dir string) error {
		assert.NoError(t, fillMany(dir, 3))
		return fault
	})
	require.ErrorIs(t, err, fault)
	assert.False(t, c.Has("kind", "key"))
	assert.Empty(t, names(t, c.Dir, "tmp"))
	lock, err := c.Lock(t.Context(), "kind-key")
	require.NoError(t, err, "the lock is free")
	lock.Close()
}

// Remains of a power cut do not get into the entry; a prune removes them.
func TestPublishIgnoresWhatIsStale(t *testing.T) {
	c := open(t)
	stale := filepath.Join(c.Dir, "tmp", "kind-key", "sub")
	require.NoError(t, os.MkdirAll(stale, 0o755))
	require.NoError(t, fillMany(stale, 3))
	path, err := c.Publish(t.Context(), "kind", "key", func(dir string) error {
		assert.Empty(t, names(t, dir))
		return os.WriteFile(filepath.Join(dir, "new"), nil, 0o644)
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"new"}, names(t, path))
}

func TestPublishFromManyProcessesFillsOnce(t *testing.T) {
	c := open(t)
	const processes = 6
	children := make([]*exec.Cmd, processes)
	out := make([]bytes.Buffer, processes)
	for i := range children {
		children[i] = child("publish", c.Dir)
		children[i].Stdout, children[i].Stderr = &out[i], &out[i]
		require.NoError(t, children[i].Start())
	}
	for i, cmd := range children {
		assert.NoError(t, cmd.Wait(), out[i].String())
	}
	fills, err := os.ReadFile(filepath.Join(c.Dir, "fills"))
	require.NoError(t, err)
	assert.Len(t, strings.Fields(string(fills)), 1)
	assert.Len(t, names(t, c.Path("kind", "key")), 200)
	assert.Empty(t, names(t, c.Dir, "tmp"))
}

func TestPublishOfOneKilled(t *testing.T) {
	c := open(t)
	cmd := child("fill", c.Dir)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var half string
	require.Eventually(t, func() bool {
		dirs, _ := filepath.Glob(filepath.Join(c.Dir, "tmp", "kind-key-*", "entry"))
		if len(dirs) == 0 {
			return false
		}
		half = filepath.Dir(dirs[0])
		made, _ := os.ReadDir(dirs[0])
		return len(made) > 1000
	}, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	start := time.Now()
	assert.Eventually(t, func() bool {
		_, err := os.Stat(half)
		return os.IsNotExist(err)
	}, soon, 5*time.Millisecond)
	t.Logf("removed after %v", time.Since(start).Round(time.Millisecond))
	assert.False(t, c.Has("kind", "key"))

	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	_, err := c.Publish(ctx, "kind", "key", func(dir string) error { return fillMany(dir, 1) })
	require.NoError(t, err, "the next one is held up by nothing")
	assert.Equal(t, []string{"0"}, names(t, c.Path("kind", "key")))
}

func TestLockWaits(t *testing.T) {
	c := open(t)
	var mu sync.Mutex
	var told []string
	c.OnWait = func(what string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, what)
	}
	first, err := c.Lock(t.Context(), "x")
	require.NoError(t, err)
	other, err := c.Lock(t.Context(), "y")
	require.NoError(t, err, "another lock is another matter")
	other.Close()
	assert.Empty(t, told)

	second := make(chan error)
	go func() {
		f, err := c.Lock(t.Context(), "x")
		if err == nil {
			f.Close()
		}
		second <- err
	}()
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(told) > 0 }, 10*time.Second, time.Millisecond)
	select {
	case err := <-second:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(300 * time.Millisecond): // three looks at the lock
	}
	first.Close()
	require.NoError(t, <-second)
	assert.Equal(t, []string{"x"}, told, "told once")
}

func TestLockGivesUpWithTheContext(t *testing.T) {
	c := open(t)
	first, err := c.Lock(t.Context(), "x")
	require.NoError(t, err)
	defer first.Close()
	ctx, cancel := context.WithCancel(t.Context())
	c.OnWait = func(string) { cancel() }
	_, err = c.Lock(ctx, "x")
	require.ErrorIs(t, err, context.Canceled)
}

func TestWriteFile(t *testing.T) {
	for _, nameless := range []bool{true, false} {
		t.Run(fmt.Sprintf("nameless %v", nameless), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			for _, text := range []string{"one", "two, longer", ""} {
				require.NoError(t, write(path, []byte(text), nameless))
				got, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, text, string(got))
				assert.Equal(t, []string{"file"}, names(t, dir))
			}
			// A target that cannot be replaced.
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "d", "full"), 0o755))
			require.Error(t, write(filepath.Join(dir, "d"), []byte("x"), nameless))
			assert.Equal(t, []string{"d", "file"}, names(t, dir), "nothing is left of it")
		})
	}
	path := filepath.Join(t.TempDir(), "new", "file")
	require.NoError(t, WriteFile(path, []byte("x")), "it makes the directory")
	err := WriteFile(filepath.Join(path, "below"), nil)
	require.ErrorIs(t, err, unix.ENOTDIR)
	assert.ErrorContains(t, err, "writing "+filepath.Join(path, "below")+": ")
}

// Files of a netstrip that died are swept; files that another one is writing are not.
func TestWriteFileSweeps(t *testing.T) {
	dir := t.TempDir()
	living, err := temporary(filepath.Join(dir, "file"), false)
	require.NoError(t, err)
	defer living.Close()
	die := func() string {
		dead, err := temporary(filepath.Join(dir, "file"), false)
		require.NoError(t, err)
		dead.Close() // without discarding it
		return dead.name
	}
	first := die()
	second := die()
	assert.NoFileExists(t, first)
	assert.FileExists(t, second)
	assert.FileExists(t, living.name)
	path := filepath.Join(dir, "file")
	require.NoError(t, WriteFile(path, []byte("1")))
	require.NoError(t, WriteFile(path, []byte("2")))
	assert.ElementsMatch(t, []string{"file", filepath.Base(living.name)}, names(t, dir))
	living.discard()
}

// If writers of one file are killed at any moment, readers see the whole content of one of them,
// and nothing else is left in the end.
func TestWriteFileOfOnesKilled(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for round := range 10 {
		writers := []*exec.Cmd{child("write", dir), child("write", dir)}
		for _, w := range writers {
			require.NoError(t, w.Start())
		}
		end := time.Now().Add(time.Duration(30+7*round) * time.Millisecond)
		for read := 0; time.Now().Before(end) || read == 0; {
			data, err := os.ReadFile(path)
			if os.IsNotExist(err) {
				continue
			}
			require.NoError(t, err)
			read++
			require.Equal(t, content(data[0]), data)
		}
		for _, w := range writers {
			require.NoError(t, w.Process.Kill())
			_ = w.Wait()
		}
	}
	left := len(names(t, dir)) - 1
	t.Logf("%d of 20 writers died in the moment between two names", left)
	require.NoError(t, WriteFile(path, []byte("last")))
	assert.Equal(t, []string{"file"}, names(t, dir))
}

// Package cache keeps what is dear to make (kernel source, kernels, initramfs) under
// names derived from everything that went into it. It runs on the host.
//
// An entry appears whole or not at all: it is made in a directory of its own and
// renamed into place. Any number of netstrips may use one cache; who comes second
// waits for the first and then finds its work done. Locks are flock(2), which the
// kernel drops with the process, so none outlives its holder.
package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Env names the variable that moves the cache.
const Env = "NETSTRIP_CACHE"

// Cache is a cache in a directory.
type Cache struct {
	// Dir is where it is.
	Dir string
	// OnWait, if set, is told once when another process holds what is wanted.
	OnWait func(what string)
}

// Open gives the cache in dir, or where dir is empty the one that NETSTRIP_CACHE
// names, or the user's (XDG_CACHE_HOME/netstrip). The directory is made if need be.
func Open(dir string) (*Cache, error) {
	if dir == "" {
		dir = os.Getenv(Env)
	}
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("finding the cache: %w; set %s to a directory", err, Env)
		}
		dir = filepath.Join(user, "netstrip")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the cache: %w", err)
	}
	for _, sub := range []string{"lock", "tmp"} {
		if err := os.MkdirAll(filepath.Join(abs, sub), 0o755); err != nil {
			return nil, fmt.Errorf("making the cache: %w; set %s to a directory you can write", err, Env)
		}
	}
	if err := unix.Access(filepath.Join(abs, "lock"), unix.W_OK); err != nil {
		return nil, fmt.Errorf("opening the cache: %s: %w; set %s to a directory you can write", abs, err, Env)
	}
	return &Cache{Dir: abs}, nil
}

// Path is where the entry key of a kind stands, whether it is there or not.
func (c *Cache) Path(kind, key string) string { return filepath.Join(c.Dir, kind, key) }

// Has reports whether the entry is there.
func (c *Cache) Has(kind, key string) bool {
	_, err := os.Stat(c.Path(kind, key))
	return err == nil
}

// Lock takes the lock called name, waiting for whoever has it. The file returned
// holds it until it is closed; given to a child process, until that has ended too.
func (c *Cache) Lock(ctx context.Context, name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(c.Dir, "lock", name), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", name, err)
	}
	for told := false; ; told = true {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
		}
		if !told && c.OnWait != nil {
			c.OnWait(name)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Publish gives the path of an entry, making it first if it is not there: fill is
// called with an empty directory, which becomes the entry when fill succeeds.
func (c *Cache) Publish(ctx context.Context, kind, key string, fill func(dir string) error) (string, error) {
	path := c.Path(kind, key)
	if c.Has(kind, key) {
		return path, nil
	}
	lock, err := c.Lock(ctx, kind+"-"+key)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if c.Has(kind, key) {
		return path, nil
	}
	// The lock is ours, so what stands under this name is left from a run cut short.
	tmp := filepath.Join(c.Dir, "tmp", kind+"-"+key)
	if err := os.RemoveAll(tmp); err != nil {
		return "", fmt.Errorf("clearing %s: %w", tmp, err)
	}
	defer os.RemoveAll(tmp)
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return "", fmt.Errorf("making %s: %w", tmp, err)
	}
	if err := fill(tmp); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("publishing %s: %w", path, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return "", fmt.Errorf("publishing %s: %w", path, err)
	}
	return path, nil
}

// WriteFile writes a small file so that it is there whole or not at all.
func WriteFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

package cache

import (
	"errors"
	"os"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"golang.org/x/sys/unix"
)

// fresh is how far an entry's time may lag behind its last use.
const fresh = 5 * time.Minute

// Use marks an entry as in use, and reports whether it exists. No prune removes it as long
// as c is reachable: the entry itself has a shared lock, rather than a file in lock, so that
// this also holds for caches that share parts. Use also updates the entry's time, if it can.
func (c *Cache) Use(kind, key string) bool {
	path := c.Path(kind, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	f, info := hold(path)
	if f == nil {
		return false
	}
	touch(path, info)
	if had := c.held[path]; had != nil {
		if old, err := had.Stat(); err == nil && os.SameFile(old, info) {
			f.Close()
			return true
		}
		had.Close() // it has been replaced
	}
	if c.held == nil {
		c.held = map[string]*os.File{}
	}
	c.held[path] = f
	return true
}

// Read returns the contents of an entry that is a file, and updates its time.
func (c *Cache) Read(kind, key string) ([]byte, error) {
	path := c.Path(kind, key)
	data, err := file.Read(path, maxIndex)
	if info, serr := os.Stat(path); err == nil && serr == nil {
		touch(path, info)
	}
	return data, err
}

// touch sets an entry's time. In another user's cache that fails, and the entry seems older
// than it is, which does no harm.
func touch(path string, info os.FileInfo) {
	if time.Since(info.ModTime()).Abs() > fresh {
		_ = os.Chtimes(path, time.Time{}, time.Now())
	}
}

// hold opens an entry with a shared lock; nil means that it does not exist. It waits only
// while a prune moves the entry away.
func hold(path string) (*os.File, os.FileInfo) {
	for {
		f, err := openAny(path)
		if err != nil {
			return nil, nil
		}
		lockShared(f)
		if info, err := f.Stat(); err == nil && isStill(f, path) {
			return f, info
		}
		f.Close()
	}
}

// patience is how long to wait for the lock of an entry.
const patience = 5 * time.Second

// lockShared locks an entry for use. On a file system without locks, a prune cannot lock it
// either. An entry that another program keeps locked is used without a lock.
func lockShared(f *os.File) {
	for end := time.Now().Add(patience); errors.Is(flock(f, unix.LOCK_SH|unix.LOCK_NB), errBusy) && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
}

// openAny opens a directory or a file. It does not block on a FIFO.
func openAny(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
}

package cache

import (
	"errors"
	"os"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"golang.org/x/sys/unix"
)

// fresh is how long an entry's time may lag behind its last use.
const fresh = 5 * time.Minute

// Use says that an entry is about to be used, and reports whether it is there. Prune
// leaves it alone for as long as c is reachable: it is locked, shared, itself rather than
// by a file in lock, so that this also holds where a cache shares parts with another.
// That it was used is written down where that is possible.
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
		had.Close() // it was replaced since
	}
	if c.held == nil {
		c.held = map[string]*os.File{}
	}
	c.held[path] = f
	return true
}

// Read returns what an entry says that is a file rather than a directory, and writes down
// that it was used.
func (c *Cache) Read(kind, key string) ([]byte, error) {
	path := c.Path(kind, key)
	data, err := file.Read(path, maxIndex)
	if info, serr := os.Stat(path); err == nil && serr == nil {
		touch(path, info)
	}
	return data, err
}

// touch sets an entry's time. In somebody else's cache that is not allowed, and the entry
// passes for older than it is; that is no reason to stop.
func touch(path string, info os.FileInfo) {
	if time.Since(info.ModTime()).Abs() > fresh {
		_ = os.Chtimes(path, time.Time{}, time.Now())
	}
}

// hold opens an entry and locks it, shared; nil means that it is not there. It waits
// only while a prune moves the entry away, and then finds it gone, or made anew.
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

// patience is how long an entry is waited for that is locked by more than a prune moving
// it away.
const patience = 5 * time.Second

// lockShared locks an entry that is used. Where there are no such locks, none can be asked
// for when pruning either. One that another program keeps locked is used without.
func lockShared(f *os.File) {
	for end := time.Now().Add(patience); errors.Is(flock(f, unix.LOCK_SH|unix.LOCK_NB), errBusy) && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
}

// openAny opens an entry, which is a directory or a file. Opening a FIFO does not block.
func openAny(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
}

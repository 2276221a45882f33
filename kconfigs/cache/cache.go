// Package cache stores expensive build results (kernel source, kernels, initramfs) under
// keys derived from everything that went into them. It runs on the host.
//
// An entry appears whole or not at all: it is made in a temporary directory and renamed
// into place. If netstrip dies first, even by SIGKILL, a guard process removes the
// directory; after a power cut, the next process that makes the same entry does. Any
// number of processes may share a cache: the second waits for the first and finds its
// work done. Locks are flock(2), which the kernel releases with the process.
//
// Several machines may share a cache too, and locks need not work between them: then two may make
// the same entry, and the first to rename it wins. This relies on rename(2) being atomic and not
// replacing a directory that has files, on names that are visible to other machines only after the
// contents (close-to-open consistency, as NFS has it), and on nobody pruning a cache that others
// use. What is changed in place, such as an object tree, belongs to one machine (Alone).
//
// An entry is at KIND/KEY. Its key ends in a hash of at least 16 hexadecimal digits, which
// distinguishes entries from other files. An index, KIND-index/KEY, is a file that begins
// with the key of an entry in KIND, followed by words about its purpose; a second line
// confirms it. The modification time of an entry is that of its last use, which Prune goes by.
package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/process"
	"golang.org/x/sys/unix"
)

// Env is the environment variable that sets the cache directory.
const Env = "NETSTRIP_CACHE"

// Cache is a cache in a directory.
type Cache struct {
	Dir string
	// OnWait, if set, is called once if another process holds a lock.
	OnWait func(what string)

	mu   sync.Mutex
	held map[string]*os.File // the entries in use, by their paths
}

// Open returns the cache in dir; if dir is empty, the one in NETSTRIP_CACHE, or else the
// user's (XDG_CACHE_HOME/netstrip). It creates the directory. The error wraps ErrUntrusted
// if a user other than root and this one could write to it.
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
	if err := checkTrust(abs); err != nil {
		return nil, err
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

// Path returns the path of an entry, whether it exists or not.
func (c *Cache) Path(kind, key string) string { return filepath.Join(c.Dir, kind, key) }

// Has reports whether an entry exists.
func (c *Cache) Has(kind, key string) bool {
	_, err := os.Stat(c.Path(kind, key))
	return err == nil
}

// Lock takes the lock called name, and waits for it if necessary. The returned file holds
// it until it is closed, and a child process that inherits the file until it ends.
func (c *Cache) Lock(ctx context.Context, name string) (*os.File, error) {
	for told := false; ; told = true {
		f, err := c.tryLock(name)
		if !errors.Is(err, errBusy) {
			return f, err
		}
		if !told && c.OnWait != nil {
			c.OnWait(name)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// errBusy means that another process holds a lock.
var errBusy = errors.New("in use")

// tryLock takes a lock if it is free.
func (c *Cache) tryLock(name string) (*os.File, error) {
	path := filepath.Join(c.Dir, "lock", name)
	for {
		f, err := file.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return nil, fmt.Errorf("locking %s: %w", name, err)
		}
		switch err := take(f, path); {
		case err == nil:
			return f, nil
		case !errors.Is(err, errGone):
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", name, err)
		}
		f.Close()
	}
}

// errGone means that a prune removed a lock's file before it was locked: others lock a new
// one.
var errGone = errors.New("removed")

// take locks the file of a lock that was opened at path.
func take(f *os.File, path string) error {
	err := flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if refused(err) {
		return nil // nothing in the cache relies on this lock alone
	}
	if err == nil && !isStill(f, path) {
		err = errGone
	}
	return err
}

// isStill reports whether path still leads to the open file.
func isStill(f *os.File, path string) bool {
	mine, err := f.Stat()
	there, err2 := os.Stat(path)
	return err == nil && err2 == nil && os.SameFile(mine, there)
}

// sweepLocks removes the lock files that nobody holds. A process that has just opened one
// notices when it locks it (isStill), and opens it again.
func (c *Cache) sweepLocks() error {
	names, err := os.ReadDir(filepath.Join(c.Dir, "lock"))
	for _, name := range names {
		f, lerr := c.tryLock(name.Name())
		if lerr != nil {
			continue // in use, or not ours
		}
		err = errors.Join(err, os.Remove(f.Name()))
		f.Close()
	}
	return err
}

// lockFile is replaced in tests of caches whose locks do not work.
var lockFile = unix.Flock

// flock locks an open file, or returns errBusy instead of waiting.
func flock(f *os.File, how int) error {
	for {
		err := lockFile(int(f.Fd()), how)
		switch {
		case errors.Is(err, unix.EWOULDBLOCK):
			return errBusy
		case !errors.Is(err, unix.EINTR):
			return err
		}
	}
}

// Publish returns the path of an entry. If it does not exist, fill is called with an empty
// directory, which becomes the entry. The entry is in use from then on; see Use.
func (c *Cache) Publish(ctx context.Context, kind, key string, fill func(dir string) error) (string, error) {
	path := c.Path(kind, key)
	if c.Use(kind, key) {
		return path, nil
	}
	lock, err := c.Lock(ctx, kind+"-"+key)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if c.Use(kind, key) {
		return path, nil
	}
	// Another machine may be making the entry, as its lock may not be seen here.
	outer, release, err := c.TempDir(kind + "-" + key)
	if err != nil {
		return "", err
	}
	defer release()
	tmp := filepath.Join(outer, "entry")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return "", fmt.Errorf("making %s: %w", tmp, err)
	}
	if err := fill(tmp); err != nil {
		return "", err
	}
	if err := errors.Join(makeReadable(tmp), writeSums(ctx, tmp)); err != nil {
		return "", fmt.Errorf("publishing %s: %w", path, err)
	}
	if err := move(tmp, path); err != nil && !(errors.Is(err, fs.ErrExist) && c.Use(kind, key)) {
		return "", fmt.Errorf("publishing %s: %w", path, err)
	}
	c.Use(kind, key) // it still exists, since this process holds its lock
	return path, nil
}

// makeReadable makes the files of an entry readable for everybody, whatever the umask: they
// are booted, and a QEMU that root starts runs as nobody. A umask that keeps others out has
// already closed the directory to them.
func makeReadable(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if info, ierr := e.Info(); ierr == nil && info.Mode().IsRegular() && info.Mode()&0o444 != 0o444 {
			err = errors.Join(err, os.Chmod(filepath.Join(dir, e.Name()), info.Mode()|0o444))
		}
	}
	return err
}

// TempDir makes a directory in the cache that is removed when release is called or netstrip
// dies. Until then it is locked, so that no prune removes it.
func (c *Cache) TempDir(name string) (dir string, release func(), err error) {
	dir = filepath.Join(c.Dir, kindHalf, name+"-"+rand.Text())
	removed, err := process.Guard(dir) // before there is anything to remove
	if err != nil {
		return "", nil, err
	}
	var own *os.File
	if err = os.Mkdir(dir, 0o700); err == nil {
		own, err = os.Open(dir)
	}
	if err != nil {
		removed()
		return "", nil, fmt.Errorf("making a temporary directory: %w", err)
	}
	_ = flock(own, unix.LOCK_SH|unix.LOCK_NB) // a file system without locks has no prune either
	return dir, func() {
		own.Close()
		removed()
	}, nil
}

// move renames an entry to path after writing all of it to the disk. Otherwise a power cut could
// leave a file without its contents, which would look like a fault of the kernel.
func move(tmp, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	dir, err := os.Open(tmp)
	if err != nil {
		return err
	}
	defer dir.Close()
	// One call for the whole file system: an entry may have 80,000 files.
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("writing it to the disk: %w", err)
	}
	return os.Rename(tmp, path) // ErrExist covers ENOTEMPTY: another machine was first
}

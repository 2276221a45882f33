// Package cache keeps what is dear to make (kernel source, kernels, initramfs) under
// names derived from everything that went into it. It runs on the host.
//
// An entry appears whole or not at all: it is made in a directory of its own and
// renamed into place. Should netstrip die before that, even by SIGKILL, a process that
// waits for just this removes the directory; what a power cut leaves, the next to make
// the same entry removes. Any number of netstrips may use one cache; who comes second
// waits for the first and then finds its work done. Locks are flock(2), which the
// kernel drops with the process, so none outlives its holder.
//
// An entry stands at KIND/KEY, its key ending in a hash of at least 16 hexadecimal digits, by
// which entries are told from all that is not ours. What an index says, KIND-index/KEY,
// begins with the key of the entry in KIND that it leads to; more words may say for
// people what that is for, and a second line confirms it. An entry's time is when it was last used, by which Prune goes.
package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/process"
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

	mu   sync.Mutex
	held map[string]*os.File // the entries in use, by their paths
}

// Open returns the cache in dir, or where dir is empty the one that NETSTRIP_CACHE
// names, or the user's (XDG_CACHE_HOME/netstrip). The directory is made if need be. The
// error wraps ErrUntrusted where a user other than root and this one could write to it.
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

// errBusy says that another has what is wanted.
var errBusy = errors.New("in use")

// tryLock takes a lock if nobody has it.
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

// errGone says that a prune removed a lock's file between its opening and its locking:
// others lock a new one.
var errGone = errors.New("removed")

// take locks the file of a lock, which was opened as path.
func take(f *os.File, path string) error {
	err := flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil && !isStill(f, path) {
		err = errGone
	}
	return err
}

// isStill reports whether path still leads to the file that was opened by it.
func isStill(f *os.File, path string) bool {
	mine, err := f.Stat()
	there, err2 := os.Stat(path)
	return err == nil && err2 == nil && os.SameFile(mine, there)
}

// sweepLocks removes the files in lock that nobody has locked. Who opened one before and
// locks it now finds that its name leads elsewhere, and opens it again.
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

// flock locks a file that is open; errBusy is for where it would have had to wait.
func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		switch {
		case errors.Is(err, unix.EWOULDBLOCK):
			return errBusy
		case !errors.Is(err, unix.EINTR):
			return err
		}
	}
}

// Publish returns the path of an entry, making it first if it is not there: fill is
// called with an empty directory, which becomes the entry when fill succeeds. The entry
// is in use from then on; see Use.
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
	tmp := filepath.Join(c.Dir, "tmp", kind+"-"+key)
	// The lock goes with the guard, so that nobody starts anew under its hands.
	guarded, err := process.Guard(tmp, lock)
	if err != nil {
		return "", err
	}
	defer guarded()
	// The lock is ours, so what stands under this name is left from a power cut.
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
	if err := errors.Join(makeReadable(tmp), writeSums(ctx, tmp)); err != nil {
		return "", fmt.Errorf("publishing %s: %w", path, err)
	}
	if err := move(tmp, path); err != nil {
		return "", fmt.Errorf("publishing %s: %w", path, err)
	}
	c.Use(kind, key) // none can have taken it away: the lock is ours
	return path, nil
}

// makeReadable lets everybody read the files of an entry, whatever the umask: they are what
// is booted, and a QEMU that root starts runs as nobody. A umask that is meant to keep others
// out has kept them out of the directory.
func makeReadable(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if info, ierr := e.Info(); ierr == nil && info.Mode().IsRegular() && info.Mode()&0o444 != 0o444 {
			err = errors.Join(err, os.Chmod(filepath.Join(dir, e.Name()), info.Mode()|0o444))
		}
	}
	return err
}

// TempDir makes a directory in the cache that is removed when release is called, or when
// netstrip dies. Until then it is locked, by which a prune knows that it is in use,
// however old it is.
func (c *Cache) TempDir(name string) (dir string, release func(), err error) {
	dir, err = os.MkdirTemp(filepath.Join(c.Dir, kindHalf), name+"-")
	if err != nil {
		return "", nil, fmt.Errorf("making a temporary directory: %w", err)
	}
	own, err := os.Open(dir)
	if err == nil {
		defer own.Close()
		_ = flock(own, unix.LOCK_SH|unix.LOCK_NB) // where there are no locks, none keeps a prune off
		release, err = process.Guard(dir, own)
	}
	if err != nil {
		os.Remove(dir)
	}
	return dir, release, err
}

// move returns an entry its name once all of it is on the disk: after a power cut a
// file's name may be there and its contents not, and a kernel would be blamed for it.
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
	return os.Rename(tmp, path)
}

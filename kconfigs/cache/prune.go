package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// leftOver is the age at which an incomplete entry without a holder is a leftover.
const leftOver = time.Hour

// Limits are what a prune keeps. The zero value removes only leftovers of processes that
// died, and dangling indexes.
type Limits struct {
	// MaxBytes is the size to keep, in bytes; 0 means no limit.
	MaxBytes int64
	// OlderThan removes what was not used for this long; 0 means no limit.
	OlderThan time.Duration
	// All removes everything.
	All bool
}

// Pruning is the plan or the result of a prune.
type Pruning struct {
	// Gone are the removed entries, in order.
	Gone []Entry
	// InUse are those that would be removed if they were not in use.
	InUse []Entry
	// Left is the size of the rest, in bytes.
	Left int64
}

// Plan decides which entries to remove, the least recently used first.
func Plan(entries []Entry, l Limits, now time.Time) Pruning {
	var p Pruning
	for _, e := range entries {
		p.Left += e.Bytes
	}
	stays := map[string]bool{}
	for _, e := range inOrder(entries) {
		over := l.All || l.OlderThan > 0 && now.Sub(e.Used) > l.OlderThan || l.MaxBytes > 0 && p.Left > l.MaxBytes
		switch {
		case e.LeadsTo != "":
			over = !stays[e.LeadsTo]
		case e.Kind == kindHalf:
			over = e.Holder == 0 && now.Sub(e.Used) > leftOver
		}
		switch {
		case over && e.Holder == 0:
			p.Gone = append(p.Gone, e)
			p.Left -= e.Bytes
			continue
		case over:
			p.InUse = append(p.InUse, e)
		}
		stays[e.Path] = true
	}
	return p
}

// Prune carries out a plan and returns the result: entries that came into use since stay.
// Each is renamed away and then deleted, even if netstrip dies meanwhile.
func (c *Cache) Prune(ctx context.Context, p Pruning) (Pruning, error) {
	todo := p.Gone
	p.Gone = nil
	if len(todo) == 0 {
		return p, c.sweepLocks()
	}
	t, err := c.newTrash()
	if err != nil {
		return p, err
	}
	for _, e := range todo {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = c.moveAway(e, t)
		}
		if err == nil {
			p.Gone = append(p.Gone, e)
			continue
		}
		p.Left += e.Bytes
		if errors.Is(err, errBusy) {
			p.InUse, err = append(p.InUse, e), nil
		}
	}
	return p, errors.Join(err, t.empty(), c.sweepLocks())
}

// inOrder sorts entries for removal: leftovers, then the least recently used, and last the
// indexes, which depend on what is left.
func inOrder(entries []Entry) []Entry {
	rank := func(e Entry) int {
		switch {
		case e.Kind == kindHalf:
			return 0
		case e.LeadsTo == "":
			return 1
		}
		return 2
	}
	return slices.SortedStableFunc(slices.Values(entries), func(a, b Entry) int {
		if n := rank(a) - rank(b); n != 0 {
			return n
		}
		return a.Used.Compare(b.Used)
	})
}

// moveAway moves an entry into the trash, or returns errBusy if it is made or used.
func (c *Cache) moveAway(e Entry, t trash) error {
	lock, err := c.tryLock(e.lockName())
	if err != nil {
		return err
	}
	defer lock.Close()
	f, err := openAny(e.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("removing %s: %w", e.Path, err)
	}
	return os.Rename(e.Path, filepath.Join(t.dir, e.Kind+"-"+e.Key))
}

// trash is a directory that is removed when it is emptied or netstrip dies.
type trash struct {
	dir     string
	release func()
}

func (c *Cache) newTrash() (trash, error) {
	dir, release, err := c.TempDir("trash")
	if err != nil {
		err = fmt.Errorf("removing from the cache: %w", err)
	}
	return trash{dir, release}, err
}

func (t trash) empty() error {
	t.release()
	if _, err := os.Lstat(t.dir); err == nil {
		return fmt.Errorf("removing %s: part of it remains; remove it by hand", t.dir)
	}
	return nil
}

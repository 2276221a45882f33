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

// leftOver is the age at which what is half made and nobody's is taken for a leftover.
const leftOver = time.Hour

// Limits say what may stay. With the zero value only what is of no use goes: leftovers
// of netstrips that died, and indexes that lead nowhere.
type Limits struct {
	// MaxBytes is how much may stay, in bytes; 0 means any amount.
	MaxBytes int64
	// OlderThan is how long ago the last use of what stays may be; 0 means ever so long.
	OlderThan time.Duration
	// All leaves nothing.
	All bool
}

// Pruning is what is to go, or went.
type Pruning struct {
	// Gone are the entries that go, in this order.
	Gone []Entry
	// InUse are those that would have to go, but are in use.
	InUse []Entry
	// Left is how much stays, in bytes.
	Left int64
}

// Plan decides which entries go to keep to the limits, those first that were not used for
// longest.
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

// Prune carries out a plan and gives what came of it: what somebody has begun to use since
// stays. An entry leaves its place whole, and is deleted also if netstrip dies meanwhile.
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

// inOrder returns the entries as they are to go: first leftovers, then those that were not
// used for longest, last the indexes, which depend on what is left.
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

// moveAway moves an entry into the trash, or gives errBusy if somebody makes or uses it.
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

// trash is a directory whose contents are removed when it is emptied, or netstrip dies.
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

// empty removes the trash, and what is in it.
func (t trash) empty() error {
	t.release()
	if _, err := os.Lstat(t.dir); err == nil {
		return fmt.Errorf("removing %s: some of it could not be removed; remove it by hand", t.dir)
	}
	return nil
}

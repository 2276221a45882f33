package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/netstrip/netstrip/kconfigs/file"
	"golang.org/x/sys/unix"
)

// Entry is an entry of the cache or an index.
type Entry struct {
	Kind string `json:"kind"`
	Key  string `json:"key"`
	Path string `json:"path"`
	// Bytes is its disk usage.
	Bytes int64 `json:"bytes"`
	// Used is when it was last used, within some minutes.
	Used time.Time `json:"used"`
	// Holder is the ID of a process that uses it; 0 if none is known.
	Holder int `json:"holder,omitempty"`
	// For are the purposes of the indexes that lead to it.
	For []string `json:"for,omitempty"`
	// LeadsTo is the path of the entry that an index leads to, which may not exist.
	LeadsTo string `json:"leads_to,omitempty"`
}

// kindHalf is the directory of incomplete entries.
const kindHalf = "tmp"

// lockName is the lock that is held to make or change the entry.
func (e Entry) lockName() string {
	if e.Kind == kindHalf {
		return e.Key
	}
	return e.Kind + "-" + e.Key
}

// List returns all entries, including incomplete ones, sorted by kind and key. It does not
// follow symbolic links, which lead to another cache.
func (c *Cache) List(ctx context.Context) ([]Entry, error) {
	kinds, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("listing the cache: %w", err)
	}
	isKey := regexp.MustCompile(`(^|[-+])[0-9a-f]{16,}$`).MatchString
	held := holders()
	var list []Entry
	for _, kind := range kinds {
		if !kind.IsDir() || kind.Name() == "lock" {
			continue
		}
		keys, err := os.ReadDir(filepath.Join(c.Dir, kind.Name()))
		if err != nil {
			return nil, fmt.Errorf("listing the cache: %w", err)
		}
		for _, key := range keys {
			if !isKey(key.Name()) && kind.Name() != kindHalf {
				continue
			}
			e, err := c.entry(ctx, kind.Name(), key.Name(), held)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("listing the cache: %w", err)
			}
			list = append(list, e)
		}
	}
	return withPurposes(list), nil
}

func (c *Cache) entry(ctx context.Context, kind, key string, held map[string]int) (Entry, error) {
	e := Entry{Kind: kind, Key: key, Path: c.Path(kind, key)}
	info, err := os.Lstat(e.Path)
	if err != nil {
		return e, err
	}
	e.Used = info.ModTime()
	e.Holder = held[inode(info)]
	if lock, err := os.Stat(filepath.Join(c.Dir, "lock", e.lockName())); err == nil && e.Holder == 0 {
		e.Holder = held[inode(lock)]
	}
	if of, ok := strings.CutSuffix(kind, indexSuffix); ok {
		words, err := file.Read(e.Path, maxIndex)
		if err != nil && !errors.Is(err, file.ErrIrregular) {
			return e, err
		}
		to, purpose, _ := parseIndex(string(words)) // empty if it is not an index
		e.LeadsTo = c.Path(of, filepath.Base(to))
		if purpose != "" {
			e.For = []string{purpose}
		}
	}
	e.Bytes, err = diskUsage(ctx, e.Path)
	return e, err
}

// withPurposes adds to entries the purposes in their indexes.
func withPurposes(list []Entry) []Entry {
	purposes := map[string][]string{}
	for _, e := range list {
		purposes[e.LeadsTo] = append(purposes[e.LeadsTo], e.For...)
	}
	for i, e := range list {
		if e.LeadsTo == "" {
			list[i].For = purposes[e.Path]
		}
	}
	return list
}

// diskUsage returns the disk usage of a file or directory in bytes. It may be changing.
func diskUsage(ctx context.Context, path string) (n int64, err error) {
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				n += info.Sys().(*syscall.Stat_t).Blocks * 512 // stat(2), for every file system
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return n, err
}

// inode names a file as /proc/locks does.
func inode(info os.FileInfo) string {
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
}

// holders returns the processes that hold locks, by inode. It serves display and planning:
// before anything is removed it is locked. Some file systems report other inodes.
func holders() map[string]int {
	data, _ := os.ReadFile("/proc/locks") // proc_locks(5)
	held := map[string]int{}
	for line := range strings.Lines(string(data)) {
		var number, kind, how, mode, what string
		var pid int
		if n, _ := fmt.Sscan(line, &number, &kind, &how, &mode, &pid, &what); n == 6 && kind == "FLOCK" {
			held[what] = pid
		}
	}
	return held
}
